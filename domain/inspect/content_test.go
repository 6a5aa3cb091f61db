package inspect_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"

	"github.com/revkeeper/revkeeper/domain/inspect"
)

// stored is an object as a kube-apiserver stores it, made by Kubernetes' own code.
func stored(t *testing.T, o runtime.Object) []byte {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := protobuf.NewSerializer(scheme, scheme).Encode(o, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	created = time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)
	secret  = &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "db", Namespace: "prod", UID: "7a0c", Generation: 3, CreationTimestamp: metav1.NewTime(created),
			Labels: map[string]string{"tier": "db", "app": "web"}, Annotations: map[string]string{"note": "by hand"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "web", UID: "1"}}, Finalizers: []string{"keep"},
		},
		Data: map[string][]byte{"password": []byte("hunter2"), "key": {0xff, 0x00}}, Type: "Opaque",
	}
)

func TestRecognise(t *testing.T) {
	object := stored(t, secret)
	for _, tc := range []struct {
		name  string
		value []byte
		want  inspect.Form
	}{
		{"nothing", nil, inspect.Empty},
		{"an object of Kubernetes", object, inspect.Kubernetes},
		{"one that was cut short", object[:len(object)-20], inspect.Binary},
		{"its magic alone is an object without anything", []byte("k8s\x00"), inspect.Kubernetes},
		{"an encrypted one", []byte("k8s:enc:aescbc:v1:key1:\x9f\x01"), inspect.Encrypted},
		{"a JSON object", []byte(` {"a":[1]}`), inspect.JSON},
		{"a list", []byte(`[1,2]`), inspect.JSON},
		{"a number is text", []byte(`12`), inspect.Text},
		{"what only begins like JSON is text", []byte(`{"a":`), inspect.Text},
		{"JSON that is no UTF-8", []byte("{\"a\":\"\xff\"}"), inspect.Binary},
		{"lines", []byte("täglich\n\tum 3\r\n"), inspect.Text},
		{"text with a control character", []byte("a\x1b[31m"), inspect.Binary},
		{"bytes", []byte{0xff, 0xfe}, inspect.Binary},
	} {
		if got := inspect.Recognise(tc.value); got.Form != tc.want || (got.Object != nil) != (tc.want == inspect.Kubernetes) {
			t.Errorf("%s: %+v, want %s", tc.name, got, tc.want)
		}
	}
	if got := inspect.Recognise([]byte("k8s:enc:kms:v2:vault:\x9f\x01")); got.Provider != "kms:v2:vault" {
		t.Errorf("encrypted by %q", got.Provider)
	}
	if got := inspect.Recognise([]byte("k8s:enc:\x01:v2:vault:")); got.Form != inspect.Encrypted || got.Provider != "" {
		t.Errorf("%+v", got)
	}
}

func TestObject(t *testing.T) {
	o := inspect.Recognise(stored(t, secret)).Object
	want := inspect.Metadata{
		Namespace: "prod", Name: "db", UID: "7a0c", Generation: 3, Created: created,
		Labels: []inspect.Pair{{"app", "web"}, {"tier", "db"}}, Annotations: []inspect.Pair{{"note", "by hand"}},
		Owners: []string{"Pod/web"}, Finalizers: []string{"keep"},
	}
	if o.APIVersion != "v1" || o.Kind != "Secret" || !reflect.DeepEqual(o.Metadata, want) {
		t.Errorf("%s %s %+v", o.APIVersion, o.Kind, o.Metadata)
	}
	// data is field 2 of a Secret, a map; type is field 3.
	if got := outline(o.Fields); got != `2{1"key" 2:ff00} 2{1"password" 2"hunter2"} 3"Opaque"` {
		t.Error(got)
	}
}

func TestObjectWithin(t *testing.T) {
	replicas := int32(3)
	o := inspect.Recognise(stored(t, &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "nginx:1"}}}}},
	})).Object
	if o.APIVersion != "apps/v1" || o.Metadata.Name != "web" {
		t.Fatalf("%+v", o)
	}
	// spec 2: replicas 1, template 3: spec 2: containers 2: name 1, image 2.
	if got := outline(o.Fields); !strings.HasPrefix(got, "2{1=3 ") || !strings.Contains(got, `2{1"c" 2"nginx:1" `) {
		t.Error(got)
	}
}

func outline(nodes []inspect.Node) string {
	var parts []string
	for _, n := range nodes {
		switch {
		case n.IsText:
			parts = append(parts, fmt.Sprintf("%d%q", n.Number, n.Text))
		case n.Fields != nil:
			parts = append(parts, fmt.Sprintf("%d{%s}", n.Number, outline(n.Fields)))
		case n.Bytes != nil:
			parts = append(parts, fmt.Sprintf("%d:%x", n.Number, n.Bytes))
		default:
			parts = append(parts, fmt.Sprintf("%d=%d", n.Number, n.Value))
		}
	}
	return strings.Join(parts, " ")
}

// However a message is built, reading it is bounded.
func TestNodesAreBounded(t *testing.T) {
	wide := bytes.Repeat([]byte{0x08, 0x01}, 10_000)
	if got := inspect.Nodes(wide); len(got) != 4096 || !got[4095].Cut {
		t.Errorf("%d fields", len(got))
	}
	edge := append(bytes.Repeat([]byte{0x08, 0x01}, 4095), 0x12, 2, 0x08, 0x05)
	if got := outline(inspect.Nodes(edge)[4095:]); got != "2:0805" {
		t.Errorf("a message that nothing is left for: %s", got)
	}
	deep := []byte{0x08, 0x00}
	for range 200 {
		deep = append(append([]byte{0x0a}, varint(len(deep))...), deep...)
	}
	depth := 0
	for n := inspect.Nodes(deep); len(n) > 0; n = n[0].Fields {
		depth++
	}
	if depth > 30 {
		t.Errorf("%d deep", depth)
	}
	if got := inspect.Nodes([]byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); got[0].Value != math.MaxUint64 {
		t.Errorf("%+v", got)
	}
}

func varint(n int) []byte {
	var out []byte
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

func FuzzRecognise(f *testing.F) {
	f.Add([]byte("k8s\x00\n\x0d\n\x02v1\x12\x03Pod\x12\x02\n\x00"))
	f.Add([]byte("k8s:enc:aescbc:v1:key1:\x9f"))
	f.Add([]byte(`{"a":1}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if c := inspect.Recognise(value); (c.Form == inspect.Kubernetes) != (c.Object != nil) {
			t.Errorf("%+v", c)
		}
	})
}
