package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/domain/record"
)

// secret is an object as a kube-apiserver stores it, made by Kubernetes' own code.
func secret(t *testing.T) []byte {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err := protobuf.NewSerializer(scheme, scheme).Encode(&corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "prod", UID: "7a0c", Labels: map[string]string{"app": "web"},
			CreationTimestamp: metav1.NewTime(time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)), Annotations: map[string]string{"note": "by\nhand"}},
		Data: map[string][]byte{"key": {0xff, 0x00}, "user": []byte("app")}, Type: "Opaque",
	}, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEntry(t *testing.T) {
	long := bytes.Repeat([]byte{0xff, 0x00}, 200)
	for _, tc := range []struct {
		name  string
		value []byte
		want  string // of the value, and in parts
	}{
		{"an object of Kubernetes", secret(t), "object      v1 Secret\nnamespace   prod\nname        db\nuid         7a0c\ncreated     2026-03-01 12:30:00Z\nlabel       app = web\n" +
			"annotation  note = by hand\n\n2:\n  1: \"key\"\n  2: 0xff00\n2:\n  1: \"user\"\n  2: \"app\"\n3: \"Opaque\"\n"},
		{"JSON", []byte(`{"a":[1, 2],"b":"<\u001b>"}`), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": \"<\\u001b>\"\n}\n"},
		{"lines, and no more of them than there are", []byte("one\n\ttwo\n"), "one\n\ttwo\n"},
		{"JSON that hides what a terminal acts upon", []byte("{\"a\":\"\u009b31m\"}"), "{\n  \"a\": \"·31m\"\n}\n"},
		{"bytes", []byte("\x00\x01A"), "00000000  00 01 41                                          |..A|\n"},
		{"many bytes", long, "|................|\n… 144 bytes more; -o raw gives all\n"},
		{"nothing", nil, "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b strings.Builder
			kv := record.KeyValue{Key: []byte("odd \xff"), Create: 3, Mod: 9, Version: 2, Value: tc.value, Lease: -1}
			if err := Entry(&b, kv, inspect.View{Epoch: 1, Revision: 20}); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if !strings.HasPrefix(got, "key      \"odd \\xff\"\nwritten  by revision 9, version 2; created by 3\nlease    ffffffffffffffff\n") || !strings.HasSuffix(got, tc.want) {
				t.Errorf("got\n%s\nwant at its end\n%s", got, tc.want)
			}
			doc, err := json.Marshal(EntryOf(kv, inspect.View{}))
			var back GetDocument
			if err != nil || json.Unmarshal(doc, &back) != nil {
				t.Fatalf("%s, %v", doc, err)
			}
			whole := back.Value.Base64
			switch back.Value.Form {
			case "json":
				whole = back.Value.JSON
			case "text":
				whole = []byte(back.Value.Text)
			}
			if string(back.KeyBase64) != "odd \xff" || !bytes.Equal(whole, tc.value) && back.Value.Form != "json" {
				t.Errorf("%s", doc)
			}
		})
	}
}

// A time that no calendar has keeps nobody from reading the rest.
func TestAnObjectOfNoTime(t *testing.T) {
	value := []byte("k8s\x00\x12\x10\x0a\x0e\x0a\x01n\x42\x09\x08\x80\x80\x80\x80\x80\x80\x80\x40") // name n, created in second 1<<55
	doc, err := json.Marshal(EntryOf(record.KeyValue{Key: []byte("k"), Value: value}, inspect.View{}))
	if err != nil || !strings.Contains(string(doc), `"name":"n"`) || strings.Contains(string(doc), "creationTimestamp") {
		t.Errorf("%s, %v", doc, err)
	}
}

func TestBrief(t *testing.T) {
	for want, value := range map[string][]byte{
		"v1 Secret":                   secret(t),
		"encrypted by aescbc:v1:k":    []byte("k8s:enc:aescbc:v1:k:\x00\xff"),
		"two lines":                   []byte("two\nlines"),
		"empty":                       nil,
		"binary":                      {0xff},
		strings.Repeat("ä", 59) + "…": []byte(strings.Repeat("ä", 1000)),
	} {
		if got := brief(value); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
