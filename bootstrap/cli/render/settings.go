package render

import (
	"io"

	"github.com/revkeeper/revkeeper/bootstrap/config"
)

// Settings says that a configuration is good and where it came from.
func Settings(w io.Writer, given []config.Given) error {
	p := newPage()
	p.line("ok")
	if len(given) == 0 {
		p.line("nothing is set: every setting has its default")
		return p.writeTo(w)
	}
	p.line("")
	p.row("SETTING", "VALUE", "FROM")
	for _, g := range given {
		p.row(g.Path, oneLine(g.Value), g.Origin)
	}
	p.line("")
	p.line("every other setting has its default; `revkeeper config show` prints all of them")
	return p.writeTo(w)
}
