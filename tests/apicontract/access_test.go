package apicontract

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
)

// Where a token is configured, every operation wants it, save those that
// api.yaml says are open.
func TestEveryOperationWantsTheToken(t *testing.T) {
	doc := contract(t)
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	config := httpapi.Default()
	config.TokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(config.TokenFile, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, x := range exchanges {
		if asked[x.operation] || x.status >= 300 {
			continue
		}
		asked[x.operation] = true
		method, path, _ := strings.Cut(x.request, " ")
		request := func() *http.Request {
			return x.asks(t.Context(), method, path)
		}
		without := x
		if doc.Paths.Find(route(t, router, request())).GetOperation(method).Security == nil {
			without.status, without.body = http.StatusUnauthorized, []string{`"kind":"unauthorized"`, "http.tokenFile"}
		}
		t.Run(x.operation+" without the token", func(t *testing.T) {
			without.answered(t, router, request(), handler(t, x.sidecar, config))
		})
		t.Run(x.operation+" with the token", func(t *testing.T) {
			r := request()
			r.Header.Set("Authorization", "Bearer secret")
			x.answered(t, router, r, handler(t, x.sidecar, config))
		})
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if !asked[operation.OperationID] {
				t.Errorf("%s %s was not asked", method, path)
			}
			if named := operation.Responses.Value("401") != nil; named == (operation.Security != nil) {
				t.Errorf("%s %s names 401: %v", method, path, named)
			}
		}
	}
}

// route returns the path of api.yaml that a request is for.
func route(t *testing.T, router routers.Router, r *http.Request) string {
	t.Helper()
	r.URL.Host, r.URL.Scheme = "", ""
	found, _, err := router.FindRoute(r)
	if err != nil {
		t.Fatal(err)
	}
	return found.Path
}
