//go:build linux && cgo

package desktop

/*
#cgo pkg-config: gtk+-3.0
#include <gtk/gtk.h>

static void paint(unsigned red, unsigned green, unsigned blue) {
	if (!gtk_init_check(NULL, NULL)) return;
	GtkCssProvider *provider = gtk_css_provider_new();
	gchar *css = g_strdup_printf("window.background:not(.popup) { background: rgb(%u, %u, %u); }", red, green, blue);
	gtk_css_provider_load_from_data(provider, css, -1, NULL);
	g_free(css);
	gtk_style_context_add_provider_for_screen(gdk_screen_get_default(), GTK_STYLE_PROVIDER(provider),
		GTK_STYLE_PROVIDER_PRIORITY_USER);
	g_object_unref(provider);
}
*/
import "C"

import "runtime"

// Paint sets the background colour of the program's windows on Linux. Wails maps the window for a moment before it hides it
// until the page is there, and GTK would fill it with the theme's colour, which may be white before a dark page. Call Paint
// on the thread that opens the window; GTK owns that thread from then on. Without a display Paint does nothing.
func Paint(red, green, blue uint8) {
	runtime.LockOSThread()
	C.paint(C.uint(red), C.uint(green), C.uint(blue))
}
