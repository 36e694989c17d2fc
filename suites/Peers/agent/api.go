package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/websocket"
)

const apiVersion = "/api/v2/workspaceagents/"

// api is the API server, with the token of an agent or of a user.
type api struct {
	base  *url.URL
	token string
}

// manifest is what the API server tells an agent of itself; only what this program needs.
type manifest struct {
	AgentID string   `json:"agent_id"`
	DerpMap *derpMap `json:"derpmap"`
}

// wireNode is a node in the JSON of version 1 of coordination.
type wireNode struct {
	ID                   int64              `json:"id"`
	AsOf                 time.Time          `json:"as_of"`
	Key                  string             `json:"key"`
	Disco                string             `json:"disco"`
	PreferredDERP        int                `json:"preferred_derp"`
	DERPLatency          map[string]float64 `json:"derp_latency"`
	DERPForcedWebsockets map[string]string  `json:"derp_forced_websockets"`
	Addresses            []string           `json:"addresses"`
	AllowedIPs           []string           `json:"allowed_ips"`
	Endpoints            []string           `json:"endpoints"`
}

func (a *api) host() string {
	if a.base.Port() != "" {
		return a.base.Host
	}
	if a.base.Scheme == "https" {
		return a.base.Host + ":443"
	}
	return a.base.Host + ":80"
}

// call sends JSON, or nothing, and reads JSON into result unless that is nil.
func (a *api) call(method, path string, body, result any) error {
	var reader io.Reader
	if body != nil {
		sent, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(sent)
	}
	request, err := http.NewRequest(method, a.base.JoinPath(apiVersion, path).String(), reader)
	if err != nil {
		return err
	}
	request.Header.Set("Coder-Session-Token", a.token)
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s", method, path, answer.Status, content)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(content, result)
}

// coordinate opens the WebSocket of version 1.
func (a *api) coordinate(path string) (*websocket.Conn, error) {
	target := *a.base.JoinPath(apiVersion, path, "coordinate")
	origin := *a.base
	target.Scheme = strings.Replace(target.Scheme, "http", "ws", 1)
	config, err := websocket.NewConfig(target.String(), origin.String())
	if err != nil {
		return nil, err
	}
	config.Header.Set("Coder-Session-Token", a.token)
	conn, err := websocket.DialConfig(config)
	if err != nil {
		return nil, err
	}
	conn.PayloadType = websocket.BinaryFrame
	return conn, nil
}
