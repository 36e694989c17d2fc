package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
)

const (
	containerID    = "7f3a1c9e5b2d"
	devcontainerID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
	containersPath = "/api/v0/containers"
)

// containers are the answers of an age of agents, with one container that is a devcontainer's.
type containers struct {
	age     string
	mu      sync.Mutex
	status  string
	changes []chan struct{}
}

type object = map[string]any

// newHTTP makes the HTTP API of port 4.
func newHTTP(o *options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		answer(w, http.StatusOK, object{"message": "Hello from the agent!"})
	})
	mux.HandleFunc("/api/v0/listening-ports", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, object{"ports": listeningPorts(o.ignoredPorts)})
	})
	c := &containers{age: o.containers, status: "running"}
	if c.age != "404" {
		mux.HandleFunc(containersPath, c.list)
		mux.HandleFunc(containersPath+"/", c.below)
	}
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// list answers the list; before v2.24 without the devcontainers.
func (c *containers) list(w http.ResponseWriter, r *http.Request) {
	if c.age == "403" {
		answer(w, http.StatusForbidden, object{
			"message": "Dev Container feature not enabled.",
			"detail":  "To enable this feature, set CODER_AGENT_DEVCONTAINERS_ENABLE=true in your template.",
		})
		return
	}
	answer(w, http.StatusOK, c.body())
}

func (c *containers) body() object {
	container := object{
		"created_at": "2026-01-02T03:04:05Z", "id": containerID, "name": "dev", "image": "debian:12", "running": true,
		"status": "running", "volumes": object{}, "labels": object{"devcontainer.local_folder": "/work/project"},
		"ports": []object{{"port": 8080, "network": "tcp", "host_ip": "0.0.0.0", "host_port": 18080}},
	}
	body := object{"containers": []object{container}}
	if c.age >= "v2.24" {
		body["devcontainers"] = c.devcontainers(container)
	}
	return body
}

func (c *containers) devcontainers(container object) []object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []object{{
		"id": devcontainerID, "name": "project", "workspace_folder": "/work/project", "status": c.status, "dirty": false,
		"container": container,
	}}
}

// below answers what is below the list: watch and recreate, each at the path of its age.
func (c *containers) below(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, containersPath+"/")
	accepted := object{"message": "Devcontainer recreation initiated", "detail": "Recreation process for devcontainer is starting."}
	switch {
	case path == "watch" && c.age >= "v2.25":
		websocket.Server{Handler: c.watch}.ServeHTTP(w, r)
	case path == "devcontainers" && c.age == "v2.23":
		answer(w, http.StatusOK, object{"devcontainers": c.devcontainers(object{"id": containerID, "name": "dev"})})
	case r.Method != http.MethodPost:
		http.NotFound(w, r)
	case path == "devcontainers/"+devcontainerID+"/recreate" && c.age >= "v2.24",
		path == "devcontainers/container/"+containerID+"/recreate" && c.age == "v2.23":
		c.recreate()
		answer(w, http.StatusAccepted, accepted)
	case path == containerID+"/recreate" && c.age == "v2.22":
		c.recreate()
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(path, "devcontainers/") && !strings.HasPrefix(path, "devcontainers/container/") &&
		strings.HasSuffix(path, "/recreate") && c.age >= "v2.24":
		answer(w, http.StatusNotFound, object{"message": "Devcontainer not found."})
	default:
		http.NotFound(w, r)
	}
}

func (c *containers) recreate() {
	say("recreate")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = "starting"
	for _, changed := range c.changes {
		changed <- struct{}{}
	}
}

// watch sends the whole list at once, and again after each change.
func (c *containers) watch(conn *websocket.Conn) {
	changed := make(chan struct{}, 16)
	changed <- struct{}{}
	c.mu.Lock()
	c.changes = append(c.changes, changed)
	c.mu.Unlock()
	conn.SetDeadline(time.Time{})
	for range changed {
		if err := websocket.JSON.Send(conn, c.body()); err != nil {
			return
		}
	}
}

// listeningPorts reads the kernel's lists of sockets. The owners of the sockets are not looked up.
func listeningPorts(ignored map[int]bool) []object {
	const listening = "0A"
	seen := map[int]bool{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 4 || fields[3] != listening {
				continue
			}
			port, err := strconv.ParseUint(fields[1][strings.LastIndex(fields[1], ":")+1:], 16, 16)
			if err == nil && port >= 9 && !ignored[int(port)] {
				seen[int(port)] = true
			}
		}
		file.Close()
	}
	ports := []object{}
	for port := range seen {
		ports = append(ports, object{"process_name": "", "network": "tcp", "port": port})
	}
	sort.Slice(ports, func(i, j int) bool { return ports[i]["port"].(int) < ports[j]["port"].(int) })
	return ports
}
