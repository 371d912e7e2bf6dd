package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/words"
)

// usage is an error about the words on the command line. The pairs are its facts.
func usage(why api.Why, pairs ...string) *api.Error {
	return &api.Error{Code: api.CodeUsage, Why: why, Params: facts(pairs)}
}

func facts(pairs []string) map[string]string {
	m := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = pair[1]
	}
	return m
}

// advise returns the error with the hint named next and the facts for it, if it has one of the codes. Other errors stay as
// they are.
func advise(err error, codes []api.Code, next string, pairs ...string) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || !slices.Contains(codes, e.Code) {
		return err
	}
	told := *e
	told.Params = facts(append(pairs, "next", next))
	for name, value := range e.Params {
		if told.Params[name] == "" {
			told.Params[name] = value
		}
	}
	return &told
}

// seeHelp returns the error with the hint to look at a command's help.
func seeHelp(e *api.Error, c *cobra.Command) error {
	return advise(e, []api.Code{e.Code}, "see-help", "command", c.CommandPath())
}

// flagError tells what is wrong with a flag.
func flagError(c *cobra.Command, err error) error {
	missing, noFlag := errors.AsType[*pflag.NotExistError](err)
	empty, noValue := errors.AsType[*pflag.ValueRequiredError](err)
	bad, badValue := errors.AsType[*pflag.InvalidValueError](err)
	switch {
	case noFlag:
		typed := missing.GetSpecifiedName()
		e := usage("no-flag", "flag", dashed(typed, missing.GetSpecifiedShortnames()))
		if near := nearFlags(c, typed); near != "" && missing.GetSpecifiedShortnames() == "" {
			return advise(e, usageCode, "mean", "names", near)
		}
		return seeHelp(e, c)
	case noValue:
		return seeHelp(flagEmpty(empty.GetFlag().Name), c)
	case badValue && bad.GetValue() == "":
		return seeHelp(flagEmpty(bad.GetFlag().Name), c)
	case badValue && bad.GetFlag().Value.Type() == "bool":
		return seeHelp(usage("flag-bool", "flag", "--"+bad.GetFlag().Name, "value", bad.GetValue()), c)
	case badValue && bad.GetFlag().Value.Type() == "duration":
		return seeHelp(usage("flag-duration", "flag", "--"+bad.GetFlag().Name, "value", bad.GetValue()), c)
	case badValue && slices.Contains([]string{"int", "uint64"}, bad.GetFlag().Value.Type()):
		return seeHelp(usage("flag-number", "flag", "--"+bad.GetFlag().Name, "value", bad.GetValue()), c)
	case badValue:
		e := usage("flag-value")
		if own, ok := errors.AsType[*api.Error](err); ok {
			e = own
		}
		params := map[string]string{"flag": "--" + bad.GetFlag().Name, "value": bad.GetValue()}
		maps.Copy(params, e.Params)
		e.Params = params
		return seeHelp(e, c)
	}
	return misuse(c, err)
}

// nearFlags are the flags of a command that somebody may have meant.
func nearFlags(c *cobra.Command, typed string) string {
	names := []string{}
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	c.Flags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	near := roster.NewNames(names).Closest(typed)
	if len(near) == 0 {
		return ""
	}
	return "--" + strings.Join(near, ", --")
}

// flagEmpty is the error for a flag that needs a value.
func flagEmpty(name string) *api.Error { return usage("flag-empty", "flag", "--"+name) }

// dashed writes a flag as it was typed.
func dashed(name, short string) string {
	if short != "" {
		return "-" + name
	}
	return "--" + name
}

// groups finds the flags of a group in cobra's complaint that they do not go together.
var groups = regexp.MustCompile(`^if any flags in the group \[.*\] are set none of the others can be; \[(.*)\] were all set$`)

// misuse is an error for what cobra complains of before a command begins.
func misuse(c *cobra.Command, err error) error {
	if together := groups.FindStringSubmatch(err.Error()); together != nil {
		return seeHelp(usage("flags-together", "flags", "--"+strings.Join(strings.Fields(together[1]), ", --")), c)
	}
	return seeHelp(usage("misuse", "said", err.Error()), c)
}

func exitCode(err error) int {
	if errors.Is(err, errStatus) {
		return exitFailed
	}
	switch api.CodeOf(err) {
	case api.CodeUsage, api.CodeAddressInvalid, api.CodeNameInvalid:
		return exitUsage
	case api.CodeServerRefused, api.CodeServerChanged, api.CodeCredentialRefused, api.CodeForbidden, api.CodeAccountDisabled,
		api.CodeRateLimited, api.CodeUnsupported, api.CodeClientMissing, api.CodeSignInRefused:
		return exitRefused
	case api.CodeCancelled:
		return exitCancelled
	default:
		return exitFailed
	}
}

// told returns the error with its sentence and hint. An error without a code is a fault of Jellybind's own.
func (a *app) told(err error) *api.Error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		e = &api.Error{Code: api.CodeInternal, Why: "unexpected", Params: map[string]string{"detail": err.Error()}}
	}
	told := *hintTrustProvider(e)
	a.words.Fill(&told, words.Terminal)
	return &told
}

// hintTrustProvider completes the hint of an error about an identity provider's certificate with the command that trusts it.
func hintTrustProvider(e *api.Error) *api.Error {
	if e.Params["provider"] == "" || e.Params["sha256"] == "" {
		return e
	}
	codes := []api.Code{api.CodeCertificateUntrusted, api.CodeCertificateChanged}
	told := advise(e, codes, "trust-provider", "command", "providers trust "+shellWord(e.Params["provider"]))
	if hinted, ok := errors.AsType[*api.Error](told); ok {
		return hinted
	}
	return e
}

// fail shows an error: for people its sentence and hint, with --json an object with the stable code, on one line.
func (a *app) fail(err error) {
	e := a.told(err)
	if a.json {
		_ = json.NewEncoder(a.err.w).Encode(failure{e})
		return
	}
	a.err.text(a.err.bold(a.t("Error: ")), e.Sentence)
	if e.Hint != "" {
		a.err.text(strings.Repeat(" ", displaywidth.String(a.t("Error: "))), e.Hint)
	}
	if e.NoWay != nil {
		a.cures(e.NoWay, e.Params["provider"])
	}
}

// warn shows what went wrong beside what was done.
func (a *app) warn(err error) {
	e := a.told(err)
	a.err.text(a.err.warn(a.t("Warning: ")), e.Sentence)
	if e.Hint != "" {
		a.err.text(strings.Repeat(" ", displaywidth.String(a.t("Warning: "))), e.Hint)
	}
}

// cancelled is the error for a person who ended a command before anything was changed.
func cancelled(cause error) error {
	return &api.Error{Code: api.CodeCancelled, Why: "cancelled-unchanged", Err: cause}
}

// interrupted is the error of a command that ended because its context did.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && api.CodeOf(err) == api.CodeInternal {
		return &api.Error{Code: api.CodeCancelled, Err: err}
	}
	return err
}

// document prints a document of --json, with the sentences for the codes and reasons in it.
func (a *app) document(v any) error { return a.out.json(a.words.Filled(v, words.Terminal)) }

// Fail shows an error as a command would, for what fails before there is one.
func Fail(w io.Writer, err error) {
	a := &app{err: newPrinter(w)}
	a.speak(nil)
	a.fail(err)
}

// count writes a number with its noun.
func (a *app) count(n int, one, several string) string {
	if n == 1 {
		return a.t(one)
	}
	return a.t(several, "n", strconv.Itoa(n))
}
