package ports

import "github.com/revkeeper/revkeeper/domain/event"

// Observer is told what happened, once, where it happened. Implementations
// render events as logs, metrics and page rows; they must not block and must be
// safe for concurrent use.
type Observer interface {
	Observe(e event.Event)
}
