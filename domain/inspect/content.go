package inspect

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Form is what a value looks like.
type Form string

// The forms.
const (
	Empty      Form = "empty"
	Kubernetes Form = "kubernetes" // an object in Kubernetes' protobuf
	Encrypted  Form = "encrypted"  // by a kube-apiserver
	JSON       Form = "json"
	Text       Form = "text"
	Binary     Form = "binary"
)

// Content is a value, as far as it can be read.
type Content struct {
	Form   Form
	Object *Object // of Kubernetes
	// Provider is how a kube-apiserver encrypted it: "aescbc:v1:key1".
	Provider string
}

// Recognise finds out what a value is. What looks like a form and is not becomes
// text or binary.
func Recognise(value []byte) Content {
	switch {
	case len(value) == 0:
		return Content{Form: Empty}
	case bytes.HasPrefix(value, kubernetesMagic):
		if o, err := readObject(value[len(kubernetesMagic):]); err == nil {
			return Content{Form: Kubernetes, Object: o}
		}
	case bytes.HasPrefix(value, encryptedMagic):
		return Content{Form: Encrypted, Provider: provider(value)}
	case looksJSON(value):
		return Content{Form: JSON}
	}
	if isText(value) {
		return Content{Form: Text}
	}
	return Content{Form: Binary}
}

// encryptedMagic begins what a kube-apiserver encrypted: k8s:enc:, the provider,
// its version and the name of the key, each ending in a colon (Kubernetes,
// staging/src/k8s.io/apiserver/pkg/server/options/encryptionconfig/config.go).
var encryptedMagic = []byte("k8s:enc:")

func provider(value []byte) string {
	rest := value[len(encryptedMagic):]
	rest = rest[:min(len(rest), 256)]
	parts := bytes.SplitN(rest, []byte(":"), 4)
	if len(parts) < 4 || !isText(bytes.Join(parts[:3], nil)) {
		return ""
	}
	return string(bytes.Join(parts[:3], []byte(":")))
}

// looksJSON takes only objects and lists for JSON: a lone number is text. JSON is
// UTF-8 (RFC 8259), which json.Valid does not ask for.
func looksJSON(value []byte) bool {
	trimmed := bytes.TrimSpace(value)
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && utf8.Valid(trimmed) && json.Valid(trimmed)
}

// isText reports whether a person could read the bytes.
func isText(b []byte) bool {
	return utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool {
		return !unicode.IsPrint(r) && !strings.ContainsRune("\n\r\t", r)
	})
}
