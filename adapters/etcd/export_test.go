package etcd

// LimitResponses makes w take only responses of up to size bytes in one piece.
func LimitResponses(w *Watcher, size int) { w.limit = size }
