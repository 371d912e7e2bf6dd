// Package toolkit gives the toolkit's own window the page's colour. Wails maps the window for a moment before it hides it
// until the page is there; GTK fills it with its theme's colour then, which may be white before a dark page.
package toolkit
