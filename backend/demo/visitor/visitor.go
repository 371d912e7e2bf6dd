// Package visitor is a person at the demo world's sign-in pages who has no browser: it opens an address, picks one of the
// people or Cancel, and is led back, all by plain HTTP. Tests and the tour of the command line use it in place of a browser.
package visitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Cancel is the login of somebody who cancels.
const Cancel = ""

const (
	redirectsMost = 10
	pageMost      = 1 << 20 // bytes
)

// Visitor keeps cookies between its visits, as a browser does.
type Visitor struct{ client *http.Client }

// New returns a visitor without cookies.
func New() *Visitor {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Visitor{client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// No proxy, and no connection that outlives the visit.
		Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// Answer is what the application showed at the end.
type Answer struct {
	URL    string
	Status int
	Header http.Header
	Body   string
}

// SignIn opens address, signs in as login (or cancels) and brings the answer to the application.
func (v *Visitor) SignIn(ctx context.Context, address, login string) (Answer, error) {
	back, err := v.Choose(ctx, address, login)
	if err != nil {
		return Answer{}, err
	}
	response, body, err := v.do(back)
	if err != nil {
		return Answer{}, fmt.Errorf("going back to the application: %w", err)
	}
	return Answer{URL: back.URL.String(), Status: response.StatusCode, Header: response.Header, Body: string(body)}, nil
}

// Choose is SignIn without its last step: it returns the request that brings the answer to the application, unsent.
func (v *Visitor) Choose(ctx context.Context, address, login string) (*http.Request, error) {
	at, body, err := v.open(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("opening the sign-in page: %w", err)
	}
	choice, err := press(ctx, at, body, buttonOf(login))
	if err != nil {
		return nil, err
	}
	for range redirectsMost {
		response, body, err := v.do(choice)
		if err != nil {
			return nil, fmt.Errorf("sending the choice: %w", err)
		}
		next, err := redirect(response)
		switch {
		case err != nil:
			return nil, err
		case next == nil && response.StatusCode == http.StatusOK:
			return press(ctx, response.Request.URL, body, "continue")
		case next == nil:
			return nil, fmt.Errorf("the provider answered the choice with %s", response.Status)
		}
		choice, err = http.NewRequestWithContext(ctx, http.MethodGet, next.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("following the provider: %w", bare(err))
		}
		if next.Host != at.Host {
			return choice, nil
		}
	}
	return nil, errors.New("the provider redirects without end")
}

// Approve opens the page of a device code (RFC 8628 section 3.3), types the code unless the address holds it, and signs in as
// login, or cancels.
func (v *Visitor) Approve(ctx context.Context, address, userCode, login string) error {
	at, body, err := v.open(ctx, address)
	if err != nil {
		return fmt.Errorf("opening the device page: %w", err)
	}
	if bytes.Contains(body, []byte(`name="user_code"`)) {
		typed, err := press(ctx, at, body, "send-code", "user_code", userCode)
		if err != nil {
			return err
		}
		if at, body, err = v.open(ctx, typed.URL.String()); err != nil {
			return fmt.Errorf("sending the code: %w", err)
		}
	}
	choice, err := press(ctx, at, body, buttonOf(login))
	if err != nil {
		return err
	}
	response, body, err := v.do(choice)
	switch {
	case err != nil:
		return fmt.Errorf("sending the choice: %w", err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the provider answered the choice with %s: %s", response.Status, text(body))
	}
	return nil
}

// buttonOf is the id of the button of a person, or of Cancel.
func buttonOf(login string) string {
	if login == Cancel {
		return "cancel"
	}
	return "person-" + login
}

// open follows redirects to a page and returns where it is and what it says.
func (v *Visitor) open(ctx context.Context, address string) (*url.URL, []byte, error) {
	for range redirectsMost {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, nil, bare(err)
		}
		response, body, err := v.do(request)
		if err != nil {
			return nil, nil, err
		}
		next, err := redirect(response)
		if err != nil {
			return nil, nil, err
		}
		if next == nil {
			if response.StatusCode != http.StatusOK {
				return nil, nil, fmt.Errorf("%s: %s", response.Status, text(body))
			}
			return response.Request.URL, body, nil
		}
		address = next.String()
	}
	return nil, nil, errors.New("redirected without end")
}

// do sends a request and reads the answer.
func (v *Visitor) do(request *http.Request) (*http.Response, []byte, error) {
	response, err := v.client.Do(request)
	if err != nil {
		return nil, nil, bare(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, pageMost))
	return response, body, err
}

// bare returns the cause of an error that names an address: addresses of sign-ins hold states and codes.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// redirect returns where an answer leads, nil when nowhere.
func redirect(response *http.Response) (*url.URL, error) {
	if response.StatusCode < 300 || response.StatusCode > 399 {
		return nil, nil //nolint:nilnil // no redirect is no error
	}
	next, err := response.Location()
	if err != nil {
		return nil, bare(err)
	}
	return next, nil
}

// press returns the request that a browser sends when the button with that id is pressed. typed are names of fields and what
// is typed into them, in turn.
func press(ctx context.Context, at *url.URL, body []byte, id string, typed ...string) (*http.Request, error) {
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	button := find(doc, func(n *html.Node) bool { return n.Data == "button" && attribute(n, "id") == id })
	if button == nil {
		return nil, fmt.Errorf("the page has no button %q: %s", id, text(body))
	}
	form := button.Parent
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		return nil, fmt.Errorf("the button %q is in no form", id)
	}
	values := url.Values{}
	find(form, func(n *html.Node) bool {
		if n.Data == "input" && attribute(n, "name") != "" {
			values.Add(attribute(n, "name"), attribute(n, "value"))
		}
		return false
	})
	if name := attribute(button, "name"); name != "" {
		values.Set(name, attribute(button, "value"))
	}
	for i := 0; i+1 < len(typed); i += 2 {
		values.Set(typed[i], typed[i+1])
	}
	action, err := at.Parse(attribute(form, "action"))
	if err != nil {
		return nil, fmt.Errorf("reading the form's action: %w", bare(err))
	}
	if strings.EqualFold(attribute(form, "method"), http.MethodGet) {
		action.RawQuery = values.Encode()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, action.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("filling in the form: %w", bare(err))
		}
		return request, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, fmt.Errorf("filling in the form: %w", bare(err))
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// find returns the first element below n that matches.
func find(n *html.Node, match func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && match(n) {
		return n
	}
	for c := range n.ChildNodes() {
		if found := find(c, match); found != nil {
			return found
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text returns a page's text in one line, for errors.
func text(body []byte) string {
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return ""
	}
	var words []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" {
			words = append(words, strings.Fields(n.Data)...)
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(doc)
	return strings.Join(words, " ")
}
