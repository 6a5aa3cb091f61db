package apicontract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// exchange is one request to the real router and what must come of it.
type exchange struct {
	name      string
	operation string // of api.yaml
	request   string // "METHOD /path?query"
	header    string // "Name: value"; may be empty
	sends     string // JSON; empty for no body
	sidecar   sidecar
	status    int
	body      []string // what the body holds
	// breaks says that the request itself is not what api.yaml allows.
	breaks bool
}

// local is a host by which a server on loopback lets itself be called.
const local = "http://localhost:8380"

// handedOver is a run as the sidecar that led ended it.
const handedOver = `{"id":"r1","trigger":"it was asked for","outcome":"handed over","reason":"the lead went to member 1","freedBytes":252,"members":[` +
	`{"name":"m2","memberID":"2","leads":true,"stage":"lead moved","reason":"half is free","dbSize":512,"dbInUse":256,"expectedStallSeconds":2.5}]}`

var unavailable = fault.New(fault.Unavailable, "take", "full", "the backup is not running").WithRemedy("look at the events")

var exchanges = []exchange{
	{name: "alive", operation: "getLivez", request: "GET /livez", sidecar: leading(), status: 200, body: []string{"ok\nrole Leader: the own member leads etcd"}},
	{name: "alive, in full", operation: "getLivez", request: "GET /livez?verbose", sidecar: leading(), status: 200, body: []string{"[+] supervisor\nok"}},
	{name: "alive, as JSON", operation: "getLivez", request: "GET /livez", header: "Accept: application/json", sidecar: leading(), status: 200, body: []string{`"name":"supervisor","passed":true`}},
	{name: "dead", operation: "getLivez", request: "GET /livez", sidecar: dead(), status: 503, body: []string{"[-] supervisor: the supervisor ended", "failed"}},
	{name: "dead, as JSON", operation: "getLivez", request: "GET /livez", header: "Accept: application/json", sidecar: dead(), status: 503, body: []string{`"status":"failed"`}},

	{name: "ready", operation: "getReadyz", request: "GET /readyz?verbose", sidecar: leading(), status: 200, body: []string{"[+] configuration\n[+] supervisor\nok"}},
	{name: "ready without a quorum", operation: "getReadyz", request: "GET /readyz", sidecar: lost(), status: 200, body: []string{"ok\nrole Unknown: the own member knows no leader"}},
	{name: "ready, as JSON", operation: "getReadyz", request: "GET /readyz", header: "Accept: application/json", sidecar: lost(), status: 200, body: []string{`"role":"Unknown"`, `"reason":"the own member knows no leader"`, `"name":"configuration"`}},
	{name: "not ready", operation: "getReadyz", request: "GET /readyz", sidecar: dead(), status: 503, body: []string{"[-] supervisor"}},
	{name: "not ready, as JSON", operation: "getReadyz", request: "GET /readyz", header: "Accept: application/json", sidecar: dead(), status: 503, body: []string{`"passed":false`}},

	{name: "a healthy leader", operation: "getHealthz", request: "GET /healthz", sidecar: leading(), status: 200, body: []string{`{"health":true}`}},
	{name: "a healthy follower", operation: "getHealthz", request: "GET /healthz", sidecar: following(), status: 200, body: []string{`{"health":true}`}},
	{name: "no quorum", operation: "getHealthz", request: "GET /healthz", sidecar: lost(), status: 503, body: []string{`{"health":false}`}},
	{name: "a member that was not asked yet", operation: "getHealthz", request: "GET /healthz", sidecar: sidecar{role: role.Follower}, status: 503, body: []string{`{"health":false}`}},

	{name: "a fresh backup", operation: "getBackupz", request: "GET /backupz", sidecar: leading(), status: 200, body: []string{"ok\ndurable up to revision 812300, 45 behind\n"}},
	{name: "a fresh backup, on a follower", operation: "getBackupz", request: "GET /backupz", sidecar: following(), status: 200, body: []string{"ok\n"}},
	{name: "a fresh backup, without a quorum", operation: "getBackupz", request: "GET /backupz", sidecar: lost(), status: 200, body: []string{"ok\n"}},
	{name: "a fresh backup, as JSON", operation: "getBackupz", request: "GET /backupz", header: "Accept: application/json", sidecar: leading(), status: 200, body: []string{`"fresh":true`, `"secondsBehind":0.5`, `"revisionsBehind":45`}},
	{name: "a backup that is behind", operation: "getBackupz", request: "GET /backupz", sidecar: stale(), status: 503, body: []string{"failed\nthe store lacks 1100 revisions; the objective is 1000\n"}},
	{name: "a backup that is behind, as JSON", operation: "getBackupz", request: "GET /backupz", header: "Accept: application/json", sidecar: stale(), status: 503, body: []string{`"fresh":false`, `"reason":"the store lacks 1100 revisions; the objective is 1000"`}},
	{name: "a backup of which nothing is known, as JSON", operation: "getBackupz", request: "GET /backupz", header: "Accept: application/json", sidecar: sidecar{role: role.Follower}, status: 503, body: []string{`{"fresh":false,"reason":"","revisionsBehind":0}`}},

	{name: "metrics", operation: "getMetrics", request: "GET /metrics", sidecar: leading(), status: 200, body: []string{`revkeeper_role{role="Leader"} 1`, "revkeeper_durable_revision 812300"}},

	{name: "the leader's status", operation: "getStatus", request: "GET /v1/status", sidecar: leading(), status: 200,
		body: []string{`"role":"Leader"`, `"durableRevision":812300`, `"lagRevisions":45`, `"memberID":"8e9e05c52164694d"`, `"raftTerm":18446744073709551615`,
			`"freshness":{"fresh":true,"reason":"durable up to revision 812300, 45 behind","revisionsBehind":45,"secondsBehind":0.5}`, `"heartbeat":{"renewedAt":"2026-03-01T14:03:05Z","status":"renewed"}`,
			`"rule":"the newest 7 fulls"`, `"next":"2026-03-01T14:03:05Z"`, `"stopped":"the backup is stale"`}},
	{name: "the status of a sidecar that knows nothing", operation: "getStatus", request: "GET /v1/status", sidecar: sidecar{role: role.Follower}, status: 200,
		body: []string{`"duties":[]`, `"member":{"errors":[]}`, `"windows":[]`, `"heartbeat":{"status":"resting"}`}},

	{name: "the members", operation: "getMembers", request: "GET /v1/members", sidecar: leading(), status: 200,
		body: []string{`"clusterID":"cdf818194e3a8c32"`, `"healthy":false`, `"reasons":["m2: its sidecar does not answer: refused"]`, `"ignored":["old is of cluster 9"]`, `"ageSeconds":1.5`, `"ttlSeconds":20`,
			`"address":"https://10.0.0.1:8380"`, `"own":true`, `"error":"refused"`, `"durableRevision":812300`, `"etcdVersion":"3.7.3"`, `"status":"renewed"`, `{"healthy":false,"learner":true,"memberID":"3","name":"","own":false,"reason":"it has no heartbeat, so its sidecar cannot be asked"}`}},
	{name: "no members", operation: "getMembers", request: "GET /v1/members", status: 200, body: []string{`{"healthy":false,"ignored":[],"members":[],"reasons":[]}`}},
	{name: "members that cannot be listed", operation: "getMembers", request: "GET /v1/members", sidecar: sidecar{err: fault.New(fault.Unavailable, "list", "members", "no quorum")}, status: 503, body: []string{`"detail":"list members: no quorum"`}},
	{name: "no members of a sidecar that knows none", operation: "getMembers", request: "GET /v1/members", sidecar: sidecar{bare: true}, status: 503},

	{name: "maintenance", operation: "announceMaintenance", request: "POST /v1/maintenance?member=8e9e05c52164694d&reason=defragmentation&seconds=7200", status: 200, body: []string{`{"id":"defragmentation 2h0m0s"}`}},
	{name: "maintenance of nobody", operation: "announceMaintenance", request: "POST /v1/maintenance?reason=defragmentation&seconds=5", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "maintenance of no member", operation: "announceMaintenance", request: "POST /v1/maintenance?member=m1&reason=defragmentation&seconds=5", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "maintenance without a reason", operation: "announceMaintenance", request: "POST /v1/maintenance?member=8e9e05c52164694d&reason=&seconds=5", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "maintenance without an end", operation: "announceMaintenance", request: "POST /v1/maintenance?member=8e9e05c52164694d&reason=defragmentation&seconds=7201", status: 400, body: []string{`"kind":"invalid"`, "use 1 to 7200"}, breaks: true},
	{name: "maintenance for another site", operation: "announceMaintenance", request: "POST /v1/maintenance?member=8e9e05c52164694d&reason=defragmentation&seconds=5", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "maintenance of another member", operation: "announceMaintenance", request: "POST /v1/maintenance?member=1&reason=defragmentation&seconds=5", status: 409, body: []string{`"kind":"conflict"`}},
	{name: "maintenance that cannot be announced", operation: "announceMaintenance", request: "POST /v1/maintenance?member=8e9e05c52164694d&reason=defragmentation&seconds=5", sidecar: sidecar{bare: true}, status: 503},

	{name: "the end of maintenance", operation: "withdrawMaintenance", request: "DELETE /v1/maintenance/17", status: 204},
	{name: "the end of maintenance for another site", operation: "withdrawMaintenance", request: "DELETE /v1/maintenance/17", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "the end of maintenance that cannot be announced", operation: "withdrawMaintenance", request: "DELETE /v1/maintenance/17", sidecar: sidecar{bare: true}, status: 503},

	{name: "events", operation: "listEvents", request: "GET /v1/events", sidecar: leading(), status: 200, body: []string{`"kind":"delta_stored"`, `"errorKind":"unavailable"`, `"level":"warn"`}},
	{name: "the newest event", operation: "listEvents", request: "GET /v1/events?limit=1", sidecar: leading(), status: 200, body: []string{`{"events":[{"at":"2026-03-01T14:03:05Z","error":"put k: 503","errorKind":"unavailable","kind":"store_retried"`}},
	{name: "no events", operation: "listEvents", request: "GET /v1/events", status: 200, body: []string{`{"events":[]}`}},
	{name: "no limit", operation: "listEvents", request: "GET /v1/events?limit=many", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},

	{name: "snapshots", operation: "listSnapshots", request: "GET /v1/snapshots", sidecar: leading(), status: 200,
		body: []string{`"gaps":[{"first":20,"last":29}]`, `"baseless":[{"first":70,"last":79}]`, `"deltaSummary":{"bytes":`, `"foreignCount":120`, `"finished":false`, `"timeline":2`}},
	{name: "snapshots with deltas", operation: "listSnapshots", request: "GET /v1/snapshots?deltas=true", sidecar: leading(), status: 200, body: []string{`"deltas":[{`, `"digest":"0123456789abcdef"`}},
	{name: "an empty store", operation: "listSnapshots", request: "GET /v1/snapshots", sidecar: sidecar{catalogue: &timeline.Catalogue{}}, status: 200, body: []string{`"timelines":[]`, `"foreign":[]`}},
	{name: "deltas, perhaps", operation: "listSnapshots", request: "GET /v1/snapshots?deltas=perhaps", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a store that is away", operation: "listSnapshots", request: "GET /v1/snapshots", sidecar: sidecar{err: unavailable}, status: 503, body: []string{`"kind":"unavailable"`}},
	{name: "a store that refuses us", operation: "listSnapshots", request: "GET /v1/snapshots", sidecar: sidecar{err: fault.New(fault.Unauthorized, "list", "store", "403")}, status: 502, body: []string{`"kind":"unauthorized"`}},

	{name: "the latest", operation: "getLatestSnapshots", request: "GET /v1/snapshots/latest", sidecar: leading(), status: 200,
		body: []string{`"timeline":1`, `"pendingTimeline":2`, `"window":{"first":30,"last":50}`, `"lastRevision":40`, `"deltas":[{"digest":"0123456789abcdef","firstRevision":41`}},
	{name: "no latest", operation: "getLatestSnapshots", request: "GET /v1/snapshots/latest", sidecar: sidecar{catalogue: &timeline.Catalogue{}}, status: 404, body: []string{`"remedy":"wait`}},
	{name: "the latest of a store that is away", operation: "getLatestSnapshots", request: "GET /v1/snapshots/latest", sidecar: sidecar{err: unavailable}, status: 503},

	{name: "a full", operation: "takeFull", request: "POST /v1/snapshots/full", sidecar: sidecar{role: role.Leader, taken: &snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: 3, Last: 9, At: at, ID: "0a1b2c3d", Compression: snapshot.Zstd}}, status: 200,
		body: []string{`"taken":true`, `"compactRevision":3`, `"compression":"zst"`}},
	{name: "no full, for nothing changed", operation: "takeFull", request: "POST /v1/snapshots/full", sidecar: leading(), status: 200, body: []string{`"taken":false`, `"reason":"nothing changed: the store holds everything up to revision 812300"`}},
	{name: "a full for another site", operation: "takeFull", request: "POST /v1/snapshots/full", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a full while one is taken", operation: "takeFull", request: "POST /v1/snapshots/full", sidecar: sidecar{role: role.Leader, err: fault.New(fault.Conflict, "take", "full", "another is being taken")}, status: 409},
	{name: "a full of a leader that is not backing up", operation: "takeFull", request: "POST /v1/snapshots/full", sidecar: sidecar{role: role.Leader, err: unavailable}, status: 503, body: []string{`"detail":"take full: the backup is not running"`, `"remedy":"look at the events"`}},
	{name: "a full of a follower that knows no leader", operation: "takeFull", request: "POST /v1/snapshots/full", sidecar: following(), status: 503,
		body: []string{"this sidecar is Follower and cannot hand the request on to the leader's: find leader: no leader is known", `"remedy":"look at etcd"`}},
	{name: "a full that was handed on before", operation: "takeFull", request: "POST /v1/snapshots/full", header: "Revkeeper-Hops: 1", sidecar: following(), status: 503, body: []string{"handed on already"}},
	{name: "a full that shows a defect", operation: "takeFull", request: "POST /v1/snapshots/full", sidecar: sidecar{role: role.Leader, err: errors.New("unclassified")}, status: 500, body: []string{`"kind":"internal"`}},

	{name: "a delta", operation: "takeDelta", request: "POST /v1/snapshots/delta", sidecar: sidecar{role: role.Leader, taken: &snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: 3, Last: 9, At: at, ID: "0123456789abcdef"}}, status: 200,
		body: []string{`"taken":true`, `"firstRevision":3`}},
	{name: "no delta, for nothing is pending", operation: "takeDelta", request: "POST /v1/snapshots/delta", sidecar: leading(), status: 200, body: []string{`"taken":false`}},
	{name: "a delta for another site", operation: "takeDelta", request: "POST /v1/snapshots/delta", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a delta while the role changes", operation: "takeDelta", request: "POST /v1/snapshots/delta", sidecar: sidecar{role: role.Leader, err: fault.New(fault.Conflict, "take", "delta", "the role changes")}, status: 409},
	{name: "what was defragmented", operation: "listDefragmentations", request: "GET /v1/defragmentations", sidecar: leading(), status: 200,
		body: []string{`"runs":[{"alarms":["the NOSPACE alarm stays"],"begunAt":"2026-03-01T14:03:05Z","continues":"20260301T140000Z-0a1b2c","freedBytes":252,"id":"20260301T140305Z-0a1b2c"`,
			`"outcome":"running"`, `"outcome":"handed over"`, `"stage":"defragmented","stallSeconds":1.5`, `"dbSizeAfter":260`, `"leads":true`, `"next":"2026-03-01T14:03:05Z"`, `"window":"Sat 01:00-05:00"`}},
	{name: "nothing was defragmented", operation: "listDefragmentations", request: "GET /v1/defragmentations", sidecar: sidecar{role: role.Leader}, status: 200, body: []string{`{"runs":[]}`}},
	{name: "what was defragmented, of a follower that knows no leader", operation: "listDefragmentations", request: "GET /v1/defragmentations", sidecar: following(), status: 503},
	{name: "what was defragmented, of a sidecar that cannot", operation: "listDefragmentations", request: "GET /v1/defragmentations", sidecar: sidecar{bare: true}, status: 503},
	{name: "a run", operation: "defragment", request: "POST /v1/defragmentations", sidecar: leading(), status: 202, body: []string{`"id":"20260301T140305Z-0a1b2c"`, `"outcome":"running"`}},
	{name: "a plan", operation: "defragment", request: "POST /v1/defragmentations?dryRun=true&all=true", sidecar: leading(), status: 200, body: []string{`"outcome":"planned"`, `"expectedStallSeconds":1`, `"expectedBy":"by its last run"`}},
	{name: "a plan that is refused", operation: "defragment", request: "POST /v1/defragmentations?dryRun=true&member=9", sidecar: leading(), status: 200, body: []string{`"outcome":"refused"`, `"reason":"the member list names no member 9"`}},
	{name: "a run of no member", operation: "defragment", request: "POST /v1/defragmentations?member=m1", sidecar: leading(), status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a run for another site", operation: "defragment", request: "POST /v1/defragmentations", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a run while one is under way", operation: "defragment", request: "POST /v1/defragmentations", sidecar: sidecar{role: role.Leader, err: fault.New(fault.Conflict, "defragment", "", "a run is under way")}, status: 409},
	{name: "a run of a follower that knows no leader", operation: "defragment", request: "POST /v1/defragmentations", sidecar: following(), status: 503},
	{name: "a plan without a member list", operation: "defragment", request: "POST /v1/defragmentations?dryRun=true", sidecar: sidecar{role: role.Leader, err: unavailable}, status: 503},
	{name: "a run of a sidecar that cannot", operation: "defragment", request: "POST /v1/defragmentations", sidecar: sidecar{role: role.Leader, bare: true}, status: 503},
	{name: "a handover", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=2&reason=it+led", sends: handedOver, sidecar: following(), status: 204},
	{name: "a handover of nobody", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=m2&reason=it+led", sends: handedOver, status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a handover of a run that goes on", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=2&reason=it+led",
		sends: strings.Replace(handedOver, "handed over", "running", 1), status: 400, body: []string{`is not that of a run that is handed over (handed over)`}},
	{name: "a handover with half a run", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=2&reason=it+led", sends: handedOver[:40], status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a handover without a run", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=2&reason=it+led", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a handover for another site", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=2&reason=it+led", sends: handedOver, header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a handover to a sidecar that cannot", operation: "takeOverDefragmentation", request: "POST /v1/defragmentations/handover?member=2&reason=it+led", sends: handedOver, sidecar: sidecar{bare: true}, status: 503},
	{name: "a delta of a follower that knows no leader", operation: "takeDelta", request: "POST /v1/snapshots/delta", sidecar: following(), status: 503},

	{name: "a run of retention", operation: "runRetention", request: "POST /v1/retention/runs", sidecar: leading(), status: 200,
		body: []string{`"dryRun":false`, `"deleted":1`, `"locked":1`, `{"bytes":100,"delete":true,"firstRevision":5,"kind":"delta","lastRevision":9,"objects":1,"reason":"no point that is kept needs it","timeline":1}`,
			`"error":"delete: locked until Monday"`, `"kind":"immutable"`}},
	{name: "a dry run of retention", operation: "runRetention", request: "POST /v1/retention/runs?dryRun=true", sidecar: leading(), status: 200, body: []string{`"dryRun":true`}},
	{name: "a run of retention, perhaps", operation: "runRetention", request: "POST /v1/retention/runs?dryRun=perhaps", sidecar: leading(), status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a run of retention for another site", operation: "runRetention", request: "POST /v1/retention/runs", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a run of retention while one goes on", operation: "runRetention", request: "POST /v1/retention/runs", sidecar: sidecar{role: role.Leader, err: fault.New(fault.Conflict, "tidy", "the bucket", "a run goes on already")}, status: 409},
	{name: "a run of retention of a follower that knows no leader", operation: "runRetention", request: "POST /v1/retention/runs", sidecar: following(), status: 503},
	{name: "a run of retention of a sidecar that has none", operation: "runRetention", request: "POST /v1/retention/runs", sidecar: sidecar{bare: true}, status: 503},

	{name: "a drill", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=2&revision=812345", sidecar: following(), status: 200,
		body: []string{`"timeline":2`, `"revision":812345`, `"tookSeconds":1.5`, `"proof":{"clusterID":"c0de","compactRevision":-1,"hashKV":4026996645`, `"differs":{`, `"computed":4294967295`}},
	{name: "a drill of nothing", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=0&revision=5", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},
	{name: "a drill for another site", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=1&revision=5", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a drill of a revision that is not there", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=1&revision=5", sidecar: sidecar{err: fault.New(fault.NotFound, "plan restore", "timeline 1", "there is no such timeline")}, status: 404},
	{name: "a drill while one goes on", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=1&revision=5", sidecar: sidecar{err: fault.New(fault.Conflict, "drill", "", "another is under way")}, status: 409},
	{name: "a drill without room", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=1&revision=5", sidecar: sidecar{err: unavailable}, status: 503},
	{name: "a drill of a sidecar that cannot", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=1&revision=5", sidecar: sidecar{bare: true}, status: 503},
	{name: "a stretch of a timeline", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=2&revision=812345&from=800000&known=810000", sidecar: following(), status: 200},
	{name: "a stretch from nowhere", operation: "rebuildHistory", request: "POST /v1/rebuilds?timeline=2&revision=812345&from=the+start", status: 400, body: []string{`"kind":"invalid"`}, breaks: true},

	{name: "a drill now", operation: "drill", request: "POST /v1/drills", sidecar: leading(), status: 200,
		body: []string{`"verdict":"suspect"`, `"where":"m2"`, `"goodRevision":4`, `"around":["timelines/00000002/full/y: it is damaged"]`, `"rebuilt":{`}},
	{name: "a drill now for another site", operation: "drill", request: "POST /v1/drills", header: "Sec-Fetch-Site: cross-site", status: 403},
	{name: "a drill now while one goes on", operation: "drill", request: "POST /v1/drills", sidecar: sidecar{role: role.Leader, err: fault.New(fault.Conflict, "drill", "", "a drill goes on")}, status: 409},
	{name: "a drill now of a follower that knows no leader", operation: "drill", request: "POST /v1/drills", sidecar: following(), status: 503},
	{name: "a drill now of a sidecar that has none", operation: "drill", request: "POST /v1/drills", sidecar: sidecar{bare: true}, status: 503},
}

func TestEveryAnswerIsAsTheContractSays(t *testing.T) {
	doc := contract(t)
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range exchanges {
		t.Run(x.operation+"/"+x.name, func(t *testing.T) {
			method, path, _ := strings.Cut(x.request, " ")
			r := x.asks(t.Context(), method, path)
			if name, value, ok := strings.Cut(x.header, ": "); ok {
				r.Header.Set(name, value)
			}
			x.answered(t, router, r, handler(t, x.sidecar, httpapi.Default()))
		})
	}
}

// asks is the request, without the header of its own.
func (x exchange) asks(ctx context.Context, method, path string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, local+path, strings.NewReader(x.sends))
	if x.sends != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// answered sends the request and compares what comes of it.
func (x exchange) answered(t *testing.T, router routers.Router, r *http.Request, handler http.Handler) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	answer := w.Result()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != x.status {
		t.Fatalf("status %d, want %d: %s", answer.StatusCode, x.status, body)
	}
	for _, want := range x.body {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("the body lacks %s: %s", want, body)
		}
	}
	r.Body = io.NopCloser(strings.NewReader(x.sends)) // anew
	validate(t, router, x, r, answer, body)
}

func validate(t *testing.T, router routers.Router, x exchange, r *http.Request, answer *http.Response, body []byte) {
	t.Helper()
	r.URL.Host, r.URL.Scheme = "", ""
	route, params, err := router.FindRoute(r)
	if err != nil {
		t.Fatalf("api.yaml has no %s: %v", x.request, err)
	}
	if route.Operation.OperationID != x.operation {
		t.Fatalf("%s is the operation %s, not %s", x.request, route.Operation.OperationID, x.operation)
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}} // TestEveryOperationWantsTheToken
	if err := openapi3filter.ValidateRequest(t.Context(), request); (err != nil) != x.breaks {
		t.Errorf("the request breaks the contract: %v, want %v: %v", err != nil, x.breaks, err)
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: answer.StatusCode, Header: answer.Header,
		Body:    io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{MultiError: true},
	})
	if err != nil {
		t.Errorf("the answer breaks the contract: %v\n%s", err, body)
	}
}

// Every operation, and each status that it names, has an exchange. What is
// answered without a token is TestEveryOperationWantsTheToken's.
func TestEveryOperationIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, x := range exchanges {
		tested[x.operation] = true
		tested[x.operation+" "+strconv.Itoa(x.status)] = true
	}
	for path, item := range contract(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if !tested[operation.OperationID] {
				t.Errorf("%s %s has no test", method, path)
			}
			for status := range operation.Responses.Map() {
				if status != "default" && status != "401" && !tested[operation.OperationID+" "+status] {
					t.Errorf("%s %s with status %s has no test", method, path, status)
				}
			}
		}
	}
}

// The contract, the domain and the problems speak of the same kinds and roles.
func TestEnumerationsAreTheDomains(t *testing.T) {
	doc := contract(t)
	var kinds, roles, duties, beats []any
	for _, k := range fault.Kinds() {
		kinds = append(kinds, string(k))
	}
	for _, r := range role.Roles() {
		roles = append(roles, string(r))
	}
	for _, d := range role.Leader.Duties() {
		duties = append(duties, string(d))
	}
	for _, s := range []heartbeat.Status{heartbeat.Resting, heartbeat.Renewed, heartbeat.Suspended, heartbeat.Failing, heartbeat.Off} {
		beats = append(beats, string(s))
	}
	for name, want := range map[string][]any{"FaultKind": kinds, "Role": roles, "Duty": duties, "HeartbeatStatus": beats} {
		got := map[any]bool{}
		for _, v := range doc.Components.Schemas[name].Value.Enum {
			got[v] = true
		}
		for _, v := range want {
			if !got[v] {
				t.Errorf("%s lacks %v", name, v)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %d values, the domain %d", name, len(got), len(want))
		}
	}
}

// What is announced may last as long as the rule allows.
func TestLongestMaintenanceIsTheDomains(t *testing.T) {
	for _, p := range contract(t).Paths.Find("/v1/maintenance").Post.Parameters {
		if p.Value.Name == "seconds" && *p.Value.Schema.Value.Max == role.Longest.Seconds() {
			return
		}
	}
	t.Errorf("api.yaml does not allow %s", role.Longest)
}

func contract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return doc
}
