package dom

import "strings"

// HTML writes a tree as indented HTML for golden files. Handlers become data-on attributes. Properties get a leading dot.
func HTML(n *Node) string {
	var b strings.Builder
	writeHTML(&b, n, 0)
	return b.String()
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func writeHTML(b *strings.Builder, n *Node, depth int) {
	if n == nil {
		return
	}
	indent := strings.Repeat("  ", depth)
	b.WriteString(indent)
	if n.Tag == "" {
		b.WriteString(escape(n.Text))
		b.WriteByte('\n')
		return
	}
	b.WriteByte('<')
	b.WriteString(n.Tag)
	for _, a := range n.Attrs {
		b.WriteByte(' ')
		if a.Prop {
			b.WriteByte('.')
		}
		b.WriteString(a.Name)
		if a.Value != "" {
			b.WriteString(`="`)
			b.WriteString(escape(a.Value))
			b.WriteByte('"')
		}
	}
	if len(n.On) > 0 {
		b.WriteString(` data-on="`)
		for i, h := range n.On {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(h.Event)
		}
		b.WriteByte('"')
	}
	b.WriteByte('>')
	if len(n.Kids) == 1 && n.Kids[0].Tag == "" {
		b.WriteString(escape(n.Kids[0].Text))
	} else if len(n.Kids) > 0 {
		b.WriteByte('\n')
		for _, k := range n.Kids {
			writeHTML(b, k, depth+1)
		}
		b.WriteString(indent)
	}
	b.WriteString("</")
	b.WriteString(n.Tag)
	b.WriteString(">\n")
}
