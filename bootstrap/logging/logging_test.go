package logging_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/bootstrap/logging"
)

func TestFormats(t *testing.T) {
	for _, tc := range []struct {
		format   string
		wantJSON bool
	}{
		{logging.FormatAuto, true}, // a buffer is no terminal
		{logging.FormatJSON, true},
		{logging.FormatText, false},
	} {
		t.Run(tc.format, func(t *testing.T) {
			var out bytes.Buffer
			logging.New(logging.Config{Level: "info", Format: tc.format}, &out).Info("hello", "revision", 7)
			if json.Valid(out.Bytes()) != tc.wantJSON {
				t.Errorf("logged %q", out.String())
			}
			if strings.Contains(out.String(), "\x1b") {
				t.Errorf("colours outside a terminal: %q", out.String())
			}
		})
	}
}

func TestLevelHidesWhatIsBelow(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(logging.Config{Level: "WARN", Format: logging.FormatText}, &out)
	log.Info("a decision")
	if out.Len() > 0 {
		t.Errorf("info was logged at level warn: %s", out.String())
	}
	log.Warn("look here")
	if !strings.Contains(out.String(), "look here") {
		t.Errorf("warn was not logged: %q", out.String())
	}
}

func TestValidate(t *testing.T) {
	if ps := logging.Default().Validate(); len(ps) > 0 {
		t.Errorf("the default is refused: %v", ps)
	}
	if ps := (logging.Config{Level: "loud", Format: "xml"}).Validate(); len(ps) != 2 {
		t.Errorf("want both problems, got %v", ps)
	}
}

func TestDurationsAreSpelt(t *testing.T) {
	var out bytes.Buffer
	logging.New(logging.Default(), &out).Info("stored", "took", 1500*time.Millisecond)
	if !strings.Contains(out.String(), `"took":"1.5s"`) {
		t.Errorf("logged %s", out.String())
	}
}
