// Package logging builds the logger: coloured lines for people on a terminal,
// JSON for machines.
package logging

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
	"k8s.io/klog/v2"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Config says what is logged and how.
type Config struct {
	// Level is the least level that is logged: debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text, json, or auto: text on a terminal, JSON elsewhere.
	Format string `yaml:"format"`
}

// The formats.
const (
	FormatAuto = "auto"
	FormatText = "text"
	FormatJSON = "json"
)

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// Default returns the configuration of a logger that was told nothing.
func Default() Config { return Config{Level: "info", Format: FormatAuto} }

// Validate returns everything that is wrong with c, keys relative to the
// owner's section.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	if _, ok := levels[strings.ToLower(c.Level)]; !ok {
		ps = append(ps, fault.Problem{Key: "level", Value: c.Level, Detail: "is not a level", Remedy: "debug, info, warn or error"})
	}
	switch c.Format {
	case FormatAuto, FormatText, FormatJSON:
	default:
		ps = append(ps, fault.Problem{Key: "format", Value: c.Format, Detail: "is not a format", Remedy: "auto, text or json"})
	}
	return ps
}

// New returns a logger that writes to w. The configuration must be valid.
func New(c Config, w io.Writer) *slog.Logger {
	level := levels[strings.ToLower(c.Level)]
	terminal := Terminal(w)
	if c.Format == FormatText || c.Format == FormatAuto && terminal {
		return slog.New(tint.NewHandler(w, &tint.Options{
			Level: level, TimeFormat: time.TimeOnly,
			NoColor: !terminal || os.Getenv("NO_COLOR") != "",
		}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: spellDurations}))
}

// spellDurations writes "1.5s" where slog would write nanoseconds.
func spellDurations(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// Terminal reports whether a person reads w.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Adopt has libraries that log by themselves write to log: those that use the
// standard library's loggers, and Kubernetes' client. It is for main alone, for
// it changes what the whole process shares.
func Adopt(log *slog.Logger) {
	slog.SetDefault(log)
	klog.SetSlogLogger(log)
}
