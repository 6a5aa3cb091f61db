package config

// about says in one line what each setting does: the help of its flag, and the
// comment that `config show` puts above it.
var about = map[string]string{
	"name": "name of this sidecar and its member, for people; default: the host's name",

	"etcd.endpoint":           "client URL of the one etcd member beside this sidecar",
	"etcd.clusterEndpoints":   "client URLs of other members, to find the cluster while the own member is down",
	"etcd.ca":                 "PEM file of the authorities of etcd's certificates; default: the system's",
	"etcd.cert":               "PEM file of the client certificate",
	"etcd.key":                "PEM file of the client certificate's key",
	"etcd.username":           "etcd user, where authentication is on",
	"etcd.passwordFile":       "file that holds the user's password",
	"etcd.insecureSkipVerify": "accept any certificate of etcd; for tests",
	"etcd.dialTimeout":        "how long a member may take to accept a connection or answer a short question",

	"store.url":                  "where backups go: file:///folder or s3://bucket/prefix?endpoint=…&region=…&pathStyle=…&ca=…",
	"store.retry.attempts":       "tries of one call of the store in all",
	"store.retry.backoff":        "wait after a first failure; doubles with each",
	"store.retry.maxBackoff":     "the longest wait between two tries",
	"store.retry.attemptTimeout": "how long one try may take, and each wait for more of a stream",
	"store.retry.minRate":        "bytes per second that an upload must reach; lengthens its timeout",

	"backup.flush.age":       "a delta is stored when its oldest change is this old",
	"backup.flush.bytes":     "a delta is stored when it is this large",
	"backup.full.cron":       "when fulls are taken: five fields in UTC; empty for never by time",
	"backup.full.deltaBytes": "a full is taken when the deltas since the last are this large; 0 for never by size",
	"backup.spill.size":      "how much may wait for the store before a full must make up for it",
	"backup.spill.memory":    "how much of that is kept in memory rather than on disk",
	"backup.retry.min":       "wait before following the history again after a first failure",
	"backup.retry.max":       "the longest such wait",
	"backup.catchUp":         "revisions behind from which a full is taken instead of catching up by watch",
	"backup.headInterval":    "how often an idle backup makes sure that it is complete",
	"backup.authInterval":    "how often it is asked whether users or roles changed",
	"backup.callTimeout":     "how long a single question to the cluster may take",

	"retention.policy":   "which fulls stay as points to restore: keep, exponential, limit, or none to delete nothing",
	"retention.keep":     "for the policy keep: how long all fulls stay, and the newest of each hour, day, week and month",
	"retention.limit":    "for the policy limit: how many of the newest fulls stay",
	"retention.every":    "for how long each single revision stays restorable",
	"retention.grace":    "how long an object stays after something newer took its place",
	"retention.stale":    "nothing is deleted while the newest object is older than this",
	"retention.frozen":   "how long a timeline stays whole after another followed it",
	"retention.leftover": "age at which an upload that was never finished is removed",
	"retention.schedule": "when the leader tidies the store: five fields in UTC; empty for only on demand",
	"retention.perRun":   "how many objects one run deletes at most",

	"compact.schedule":       "when the leader makes chains shorter: five fields in UTC; empty for never",
	"compact.window":         "deltas younger than this stay as they are",
	"compact.target":         "how large a rolled-up delta gets at most",
	"compact.segments":       "how many segments, each a delta of before, it gets at most",
	"compact.bandwidth":      "bytes per second that are read and written at most for it; 0 for no bound",
	"compact.full.enabled":   "by schedule, also build fulls from a full and deltas, without etcd",
	"compact.full.bytes":     "a full is built when the deltas since the last are this large; 0 for never by size",
	"compact.full.revisions": "a full is built when this many revisions follow the last; 0 for never by them",
	"compact.full.targetRto": "a full is built when a restore would take longer, as estimated; 0 for never by time",

	"proof.settle":    "how long after a compaction of etcd the members are asked for the hash that they keep of it",
	"proof.scanAfter": "how long without any proof until a follower hashes its whole database; 0 for never",

	"drill.schedule":  "when the newest revision is rebuilt from the store and compared, beside a follower: five fields in UTC; empty for never",
	"drill.bandwidth": "bytes per second that a drill reads from the store at most; 0 for no bound",

	"role.interval": "how often the own member is asked whether it leads",
	"role.timeout":  "how long its answer may take",

	"role.promoteLearners": "give the own member a vote once it has caught up, if it is a learner",

	"heartbeat.kind":                   "where members show that they are well: etcd, kubernetes, none, or auto: kubernetes inside a pod",
	"heartbeat.interval":               "how often the own heartbeat is renewed",
	"heartbeat.timeout":                "how long one renewal may take",
	"heartbeat.etcd.prefix":            "where the heartbeats' keys begin in etcd",
	"heartbeat.etcd.ttl":               "how long a heartbeat lives in etcd without being renewed",
	"heartbeat.kubernetes.namespace":   "namespace of the Leases; default: the pod's",
	"heartbeat.kubernetes.kubeconfig":  "kubeconfig, outside of pods",
	"heartbeat.kubernetes.memberLease": "name of the own Lease; default: POD_NAME, else the prefix and the name",
	"heartbeat.kubernetes.leasePrefix": "what comes before a member's name to give its Lease's",
	"heartbeat.kubernetes.fullLease":   "Lease that shows the newest full's revision; empty for none",
	"heartbeat.kubernetes.deltaLease":  "Lease that shows the newest delta's revision; empty for none",
	"heartbeat.kubernetes.duration":    "how long a Lease counts without being renewed",

	"objective.age":       "how long ago the store may have had everything last, for /backupz and status; 0 for no bound",
	"objective.revisions": "how many revisions the store may lack, for /backupz and status; 0 for no bound",

	"defrag.cron":           "when members are defragmented: five fields in UTC; empty for never by time",
	"defrag.window":         "when a scheduled run may work, in UTC, as in Sat,Sun 01:00-05:00; empty for always",
	"defrag.rule":           "which members are worth it, in dbSize, dbSizeInUse, dbSizeFree, dbQuota (bytes) and dbQuotaUsage (0 to 1)",
	"defrag.quota":          "the members' quota where their version does not say it; 0: not known",
	"defrag.moveLeader":     "move etcd's lead away before its member is defragmented, if the stall would be long",
	"defrag.leaderStall":    "how long a stall of the leader is borne rather than moving the lead",
	"defrag.settle":         "how long the cluster may take to be well again after each member",
	"defrag.singleMember":   "defragment a cluster of a single voting member, which serves nobody meanwhile",
	"defrag.staleBackup":    "defragment also while the backup does not meet its objective",
	"defrag.noSpace":        "act on etcd's NOSPACE alarm: store everything, defragment, disarm it",
	"defrag.noSpacePercent": "part of the quota below which every member must be before NOSPACE is disarmed",

	"http.listen":           "host:port of the API and the status page",
	"http.advertise":        "URL under which other sidecars reach this one; default: from http.listen and the host's name",
	"http.tokenFile":        "file that holds the token which callers of the API must send; empty: no token is asked for",
	"http.tls.clientCaFile": "PEM file of the authorities of callers' certificates; set, callers must have one",
	"http.peers.ca":         "PEM file of the authorities of other sidecars' certificates; default: the system's",
	"http.peers.cert":       "PEM file of the certificate shown to other sidecars; default: the server's own",
	"http.peers.key":        "PEM file of its key",
	"http.tls.certFile":     "PEM file of the server's certificate",
	"http.tls.keyFile":      "PEM file of its key",

	"spool.dir": "directory for what does not fit into memory; not on etcd's own disk",

	"log.level":  "debug, info, warn or error",
	"log.format": "text, json, or auto: text on a terminal",

	"shutdown.flush": "how long a leader that is told to end may take to store what is pending",
}

func describe(path string) string {
	for p, text := range about {
		if FlagName(p) == FlagName(path) {
			return text
		}
	}
	return ""
}
