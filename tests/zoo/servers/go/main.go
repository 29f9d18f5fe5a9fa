// The Go servers of the zoo, each on a port of its own.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
)

// routes are the folders for which there are handlers, such as /v1/payments.
var routes = strings.Fields(os.Getenv("ZOO_ROUTES"))

// seen answers with the handler, the path that chose it, and the headers that a handler sees.
func seen(w http.ResponseWriter, r *http.Request, handler, path string) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n", handler, path)
	for name, values := range r.Header {
		for _, value := range values {
			fmt.Fprintf(&text, "%s=%s\n", name, value)
		}
	}
	fmt.Fprintf(&text, "Host=%s\n", r.Host)
	w.Header().Set("content-type", "text/plain")
	_, _ = w.Write([]byte(text.String()))
}

// handler answers in the name of a route, with the decoded path of the URL.
func handler(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { seen(w, r, name, r.URL.Path) }
}

// serveMux is the router of the standard library: it resolves dot segments by redirecting.
func serveMux() http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route+"/", handler(route))
	}
	mux.HandleFunc("/", handler("none"))
	return mux
}

// files serves a folder.
func files() http.Handler {
	return http.FileServer(http.Dir(os.Getenv("ZOO_FILES")))
}

// hosts has patterns with hosts.
func hosts() http.Handler {
	mux := http.NewServeMux()
	for pattern, name := range map[string]string{
		"/": "default", "open.test/": "open.test", "closed.test/": "closed.test",
	} {
		mux.HandleFunc(pattern, handler(name))
	}
	return mux
}

// chiRouter takes the path as it was sent where decoding it would lose something.
func chiRouter() http.Handler {
	router := chi.NewRouter()
	for _, route := range routes {
		router.HandleFunc(route+"/*", func(w http.ResponseWriter, r *http.Request) {
			seen(w, r, route, route+"/"+chi.URLParam(r, "*"))
		})
	}
	router.NotFound(handler("none"))
	return router
}

// ginRouter takes the decoded path, or the one that was sent and decodes its parameters.
func ginRouter(raw bool) http.Handler {
	router := gin.New()
	router.UseRawPath = raw
	router.RedirectTrailingSlash = false
	for _, route := range routes {
		router.Any(route+"/*rest", func(c *gin.Context) {
			seen(c.Writer, c.Request, route, route+c.Param("rest"))
		})
	}
	router.NoRoute(gin.WrapF(handler("none")))
	return router
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	servers := map[string]http.Handler{
		"go":       serveMux(),
		"go-files": files(),
		"go-hosts": hosts(),
		"chi":      chiRouter(),
		"gin":      ginRouter(false),
		"gin-raw":  ginRouter(true),
	}
	for _, entry := range strings.Fields(os.Getenv("ZOO_PORTS")) {
		name, port, _ := strings.Cut(entry, "=")
		if server, ok := servers[name]; ok {
			go func() { log.Fatal(http.ListenAndServe("127.0.0.1:"+port, server)) }()
		}
	}
	select {}
}
