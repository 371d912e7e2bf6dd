// Package desktop holds what the window needs of the desktop: whether there is a display, where the window was last, and the
// colour of its frame before the page is drawn.
package desktop
