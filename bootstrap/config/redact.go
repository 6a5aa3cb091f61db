package config

import (
	"net/url"
	"strings"
)

// redact hides what an operator may have put into a URL although it does not
// belong there: a user with password, and query parameters that no setting has.
func redact(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "xxxxx" + rest[at:]
	}
	before, query, ok := strings.Cut(rest, "?")
	if !ok {
		return scheme + "://" + rest
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case !storeParameter(name):
			parts[i] = "xxxxx"
		case name == paramEndpoint:
			if plain, err := url.QueryUnescape(value); err == nil && strings.ContainsAny(plain, "@?") {
				parts[i] = name + "=xxxxx"
			}
		}
	}
	return scheme + "://" + before + "?" + strings.Join(parts, "&")
}
