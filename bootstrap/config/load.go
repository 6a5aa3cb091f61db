package config

import (
	"slices"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Input is what a configuration is made from, besides the defaults.
type Input struct {
	Environ []string // as os.Environ returns it
	Flags   *Flags   // may be nil
}

// Loaded is a configuration and where it came from.
type Loaded struct {
	Config
	origins map[string]string // by path; absent for a default
}

// Load merges defaults, file, environment and flags, each winning over the one
// before, and checks the sections in scope. The error is fault.Problems with
// everything that is wrong; what could be read is returned beside it.
func Load(in Input, scope Scope) (Loaded, error) {
	out := Loaded{Config: Default(), origins: map[string]string{}}
	l := newLoader(&out)
	name := lookup(in.Environ, FileEnv)
	if in.Flags != nil && in.Flags.file != "" {
		name = in.Flags.file
	}
	if name != "" {
		l.file(name)
	}
	l.environment(in.Environ)
	l.flags(in.Flags)
	l.pod(in.Environ)
	for _, p := range out.Config.validate(scope) {
		// What could not be read was told already, more exactly.
		if !slices.ContainsFunc(l.problems, func(q fault.Problem) bool { return q.Key == p.Key }) {
			l.problem(p)
		}
	}
	return out, l.problems.OrNil()
}

// loader fills a configuration and collects what is wrong.
type loader struct {
	settings []setting
	byPath   map[string]*setting
	origins  map[string]string
	problems fault.Problems
}

func newLoader(out *Loaded) *loader {
	l := &loader{settings: settings(&out.Config), byPath: map[string]*setting{}, origins: out.origins}
	for i := range l.settings {
		l.byPath[l.settings[i].path] = &l.settings[i]
	}
	return l
}

func (l *loader) problem(p fault.Problem) { l.problems = append(l.problems, p) }

func (l *loader) set(s *setting, text, origin string) {
	if p := s.set(text); p != nil {
		p.Detail += "; it comes from " + origin
		l.problem(*p)
		return
	}
	l.origins[s.path] = origin
}

// IsGiven reports whether somebody set the setting at path.
func (l Loaded) IsGiven(path string) bool {
	_, ok := l.origins[path]
	return ok
}

// Given is a setting that somebody set.
type Given struct {
	Path, Value, Origin string
}

// Given lists what was set, in the order of the file, without secrets.
func (l Loaded) Given() []Given {
	var out []Given
	for _, s := range settings(&l.Config) {
		if origin, ok := l.origins[s.path]; ok {
			out = append(out, Given{Path: s.path, Value: s.shown(), Origin: origin})
		}
	}
	return out
}
