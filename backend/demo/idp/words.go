package idp

import (
	"net/http"
	"strings"
)

// phrase is a text of the pages in the languages that they speak.
type phrase struct{ english, german string }

// in returns the phrase in the browser's language.
func (p phrase) in(r *http.Request) string {
	if language(r) == "de" {
		return p.german
	}
	return p.english
}

// language is "de" for a browser whose first language is German, else "en".
func language(r *http.Request) string {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "de") {
		return "de"
	}
	return "en"
}

var (
	titleSignIn = phrase{"Sign in", "Anmelden"}
	titleCode   = phrase{"Connect a device", "Gerät verbinden"}
	titleHome   = phrase{"Demo provider", "Demo-Anbieter"}

	signedIn        = phrase{"Signed in", "Angemeldet"}
	cancelledSignIn = phrase{"Cancelled", "Abgebrochen"}
	wrongCode       = phrase{
		"This code is not known, was used or has expired.",
		"Diesen Code gibt es nicht, er wurde benutzt oder ist abgelaufen.",
	}

	cannotBegin = phrase{"This sign-in cannot begin", "Diese Anmeldung kann nicht beginnen"}
	cannotEnd   = phrase{"This sign-in cannot end", "Diese Anmeldung kann nicht enden"}
	nobody      = phrase{"Nobody has that name", "Niemand heißt so"}
	chooseAgain = phrase{"Go back and choose one of the people.", "Gehen Sie zurück und wählen Sie eine der Personen."}
	isOver      = phrase{"This sign-in is over", "Diese Anmeldung ist vorbei"}
	startAgain  = phrase{
		"It was finished, cancelled, or has waited too long. Start again in the application.",
		"Sie wurde beendet oder abgebrochen, oder sie hat zu lange gewartet. Beginnen Sie in der Anwendung neu.",
	}

	wrongMethod = phrase{
		"The application used a method that does not belong here.", "Die Anwendung benutzt eine Methode, die nicht hierher gehört.",
	}
	unreadable = phrase{
		"The application sent a request that cannot be read.", "Die Anwendung hat eine Anfrage gesendet, die nicht lesbar ist.",
	}
	repeated = phrase{"The application sent a parameter twice.", "Die Anwendung hat einen Parameter zweimal gesendet."}
	unknown  = phrase{
		"The application is not registered here: its client id is not known.",
		"Die Anwendung ist hier nicht eingetragen: Ihre Client-ID ist unbekannt.",
	}
	notPushed = phrase{
		"The application must send its request ahead, and each request serves once (pushed authorization requests).",
		"Die Anwendung muss ihre Anfrage vorab senden, und jede Anfrage gilt einmal (Pushed Authorization Requests).",
	}
	badAddress = phrase{"The application's address cannot be read.", "Die Adresse der Anwendung ist nicht lesbar."}
	notAllowed = phrase{
		"The application wants the answer at an address that is not allowed: ",
		"Die Anwendung will die Antwort an einer Adresse, die nicht erlaubt ist: ",
	}
	refusedHere = phrase{"The application's request was refused: ", "Die Anfrage der Anwendung wurde abgelehnt: "}
	notSigned   = phrase{"The answer could not be signed.", "Die Antwort konnte nicht signiert werden."}
	notWritten  = phrase{"The answer could not be written.", "Die Antwort konnte nicht geschrieben werden."}
)

// with adds what is the same in every language: a technical reason.
func (p phrase) with(reason string) phrase { return phrase{p.english + reason, p.german + reason} }
