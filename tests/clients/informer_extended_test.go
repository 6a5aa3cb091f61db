//go:build extended

package clients

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"testing"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// informer is client-go's, over the config maps of a namespace, as every controller
// has it.
type informer struct {
	store cache.Store

	mu     sync.Mutex
	listed int   // how often it read everything
	told   error // that what it wanted to follow is gone
}

func startInformer(t *testing.T, c cache.Getter) *informer {
	t.Helper()
	i := &informer{}
	plain := cache.NewListWatchFromClient(c, "configmaps", "default", fields.Everything())
	var controller cache.Controller
	i.store, controller = cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, o meta.ListOptions) (runtime.Object, error) {
				i.note(true, nil)
				return plain.ListWithContext(ctx, o)
			},
			WatchFuncWithContext: func(ctx context.Context, o meta.ListOptions) (watch.Interface, error) {
				w, err := plain.WatchWithContext(ctx, o)
				i.note(o.SendInitialEvents != nil, err) // a list may come as a watch
				if err != nil {
					return nil, err
				}
				return watch.Filter(w, func(e watch.Event) (watch.Event, bool) {
					if e.Type == watch.Error {
						i.note(false, apierrors.FromObject(e.Object))
					}
					return e, true
				}), nil
			},
		},
		ObjectType: &core.ConfigMap{},
		Handler:    cache.ResourceEventHandlerFuncs{},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { controller.RunWithContext(ctx) })
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	return i
}

func (i *informer) note(lists bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if lists {
		i.listed++
	}
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		i.told = err
	}
}

func (i *informer) heard() (listed int, told error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.listed, i.told
}

// has is what the informer believes, by name.
func (i *informer) has() map[string]string {
	out := map[string]string{}
	for _, o := range i.store.List() {
		m := o.(*core.ConfigMap)
		out[m.Name] = m.Data["v"]
	}
	return out
}

func (i *informer) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	inprocess.Eventually(t, fmt.Sprintf("the informer to have %v; it has %v", want, i.has()), func() bool { return maps.Equal(i.has(), want) })
}

// cluster is a Kubernetes whose etcd was restored to a revision that the informer,
// which ran all the time, had long passed.
type cluster struct {
	*servers.Kubernetes
	informer *informer
	listed   int   // how often it had read everything before
	passed   int64 // the revision that it had reached
}

// revisionsAgo is how far back the restore is: more than what the API server itself
// writes when it starts.
const revisionsAgo = 500

func kubernetesAcrossRestore(t *testing.T, keep bool) *cluster {
	t.Helper()
	k := servers.StartKubernetes(t)
	store, err := local.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Kubernetes: k}
	b := inprocess.StartBackup(t, k.Etcd.Endpoint, store)
	c.create(t, "changes", "before")
	wanted := c.create(t, "goes", "before")
	c.informer = startInformer(t, k.CoreClient(t))
	c.informer.becomes(t, map[string]string{"changes": "before", "goes": "before"})
	k.Do(t, http.MethodDelete, configMaps+"/goes", nil, nil)
	for i := range revisionsAgo {
		c.change(t, "changes", strconv.Itoa(i))
	}
	c.passed = c.create(t, "comes", "after")
	c.informer.becomes(t, map[string]string{"changes": strconv.Itoa(revisionsAgo - 1), "comes": "after"})
	c.listed, _ = c.informer.heard()
	b.StoreEverything(t)
	b.AwaitDurable(t, c.passed)
	b.Stop()

	k.Stop()
	restoreInPlace(t, k.Etcd, store, wanted, keep)
	k.Start(t)
	return c
}

const configMaps = "/api/v1/namespaces/default/configmaps"

func (c *cluster) create(t *testing.T, name, value string) (revision int64) {
	t.Helper()
	return c.write(t, http.MethodPost, configMaps, name, value)
}

func (c *cluster) change(t *testing.T, name, value string) (revision int64) {
	t.Helper()
	return c.write(t, http.MethodPatch, configMaps+"/"+name, name, value)
}

// write returns the revision of what was written, which is etcd's.
func (c *cluster) write(t *testing.T, method, path, name, value string) int64 {
	t.Helper()
	var m core.ConfigMap
	c.Do(t, method, path, core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name}, Data: map[string]string{"v": value}}, &m)
	revision, err := strconv.ParseInt(m.ResourceVersion, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

// The informer wants to go on where it was, is told that this is too old, reads
// everything anew and forgets what is not there any more.
func TestExtendedAnInformerIsToldOfARestore(t *testing.T) {
	c := kubernetesAcrossRestore(t, false)
	c.informer.becomes(t, map[string]string{"changes": "before", "goes": "before"})
	listed, told := c.informer.heard()
	if told == nil || listed <= c.listed {
		t.Errorf("it was told %v, and has read everything %d times, %d before", told, listed, c.listed)
	}
	t.Logf("the informer was told: %v", told)
	if at := c.create(t, "new", "1"); at <= c.passed {
		t.Errorf("a new object has revision %d, the informer had seen %d", at, c.passed)
	}
	c.informer.becomes(t, map[string]string{"changes": "before", "goes": "before", "new": "1"})
}

// Why restores bump the revision: with --keep-revisions --force nobody tells the
// informer. It keeps what is gone, lacks what is back, and misses what is written,
// until the cluster has passed the revision where it waits; and what it had missed by
// then stays missing, though its watch is well.
func TestExtendedWithoutTheBumpAnInformerIsWrong(t *testing.T) {
	c := kubernetesAcrossRestore(t, true)
	at := c.create(t, "missed", "1")
	if at >= c.passed {
		t.Fatalf("the API server wrote up to %d itself: the restore is not far enough back", at)
	}
	for i := 0; at <= c.passed; i++ {
		at = c.change(t, "changes", strconv.Itoa(i))
	}
	c.create(t, "seen", "1")
	inprocess.Eventually(t, "the informer to see a change", func() bool { return c.informer.has()["seen"] != "" })
	got := c.informer.has()
	listed, told := c.informer.heard()
	if got["comes"] != "after" || got["goes"] != "" || got["missed"] != "" || told != nil || listed != c.listed {
		t.Errorf("the informer has %v, was told %v, and has read everything %d times, %d before: the danger that the bump is for is another now", got, told, listed, c.listed)
	}
}
