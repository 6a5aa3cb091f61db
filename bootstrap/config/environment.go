package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// FileEnv is the variable that names the configuration file.
const FileEnv = envPrefix + "CONFIG"

// serviceLink matches what Kubernetes puts into the environment of every pod
// for a Service whose name begins with revkeeper.
var serviceLink = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// environment applies the variables that begin with REVKEEPER_. An empty
// variable is as good as none.
func (l *loader) environment(environ []string) {
	byName := map[string]*setting{}
	names := []string{FileEnv}
	for i := range l.settings {
		name := EnvName(l.settings[i].path)
		byName[name] = &l.settings[i]
		names = append(names, name)
	}
	environ = slices.Clone(environ)
	slices.Sort(environ)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || name == FileEnv || value == "" {
			continue
		}
		switch s := byName[name]; {
		case s != nil:
			l.set(s, value, "environment "+name)
		case !serviceLink.MatchString(name):
			l.problem(fault.Problem{Key: name, Detail: "this variable is no setting", Remedy: didYouMeanEnv(name, names)})
		}
	}
}

func lookup(environ []string, name string) string {
	value := ""
	for _, entry := range environ {
		if n, v, _ := strings.Cut(entry, "="); n == name {
			value = v
		}
	}
	return value
}
