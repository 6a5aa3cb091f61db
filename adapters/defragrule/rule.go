// Package defragrule reads the rule by which a member is worth defragmenting: an
// expression over what the member says of its database, in the variables of
// etcd-defrag. github.com/expr-lang/expr compiles it.
package defragrule

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// variables are what an expression may use: bytes, but for the usage, which is
// the part of the quota that is taken.
type variables struct {
	Size       int64   `expr:"dbSize"`
	InUse      int64   `expr:"dbSizeInUse"`
	Free       int64   `expr:"dbSizeFree"`
	Quota      int64   `expr:"dbQuota"`      // 0 where it is not known
	QuotaUsage float64 `expr:"dbQuotaUsage"` // 0 where the quota is not known
}

// Rule is one that was read. It is safe for concurrent use.
type Rule struct {
	text    string
	program *vm.Program
	quota   int64
}

// longest bounds an expression, in bytes.
const longest = 1000

// Compile reads an expression that is true or false. quota is every member's
// where its version does not say it, in bytes; 0 if it is not known. What is
// wrong with the expression is Invalid.
func Compile(text string, quota int64) (*Rule, error) {
	const op = "read rule"
	if len(text) > longest {
		return nil, fault.New(fault.Invalid, op, "", fmt.Sprintf("it is longer than %d bytes", longest))
	}
	seen := &plain{}
	program, err := expr.Compile(text, expr.Env(variables{}), expr.AsBool(), expr.DisableAllBuiltins(), expr.Patch(seen))
	if err == nil && seen.odd != nil {
		err = fmt.Errorf("%s is more than numbers and comparisons", seen.odd)
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Object: text, Err: err,
			Remedy: "a comparison of dbSize, dbSizeInUse, dbSizeFree, dbQuota and dbQuotaUsage, as in dbSizeFree > 0.5 * dbSize"}
	}
	return &Rule{text: text, program: program, quota: quota}, nil
}

// plain finds what a rule has no need of, as ranges and loops. Without them it
// takes next to no time and memory, whatever it says.
type plain struct{ odd ast.Node }

// Visit implements ast.Visitor.
func (p *plain) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.ConstantNode, *ast.UnaryNode, *ast.ConditionalNode:
	case *ast.BinaryNode:
		if n.Operator == ".." {
			p.odd = n
		}
	default:
		p.odd = n
	}
}

// Wanted says whether the rule holds for a member, and with which numbers. It is
// a defrag.Wanted.
func (r *Rule) Wanted(s cluster.Status) (bool, string) {
	v := variables{Size: s.DBSize, InUse: s.DBInUse, Free: max(0, s.DBSize-s.DBInUse), Quota: s.DBQuota}
	if v.Quota == 0 {
		v.Quota = r.quota
	}
	if v.Quota > 0 {
		v.QuotaUsage = float64(v.Size) / float64(v.Quota)
	}
	said := v.String()
	out, err := expr.Run(r.program, v)
	yes, isBool := out.(bool)
	switch {
	case err != nil:
		return false, fmt.Sprintf("%s: the rule cannot be worked out: %v", said, err)
	case isBool && yes:
		return true, said + ": the rule holds"
	default:
		return false, said + ": the rule does not hold"
	}
}

// String is the rule as it was written.
func (r *Rule) String() string { return r.text }

// String is the numbers in words.
func (v variables) String() string {
	const mib = 1 << 20
	part := 0.0
	if v.Size > 0 {
		part = float64(v.Free) / float64(v.Size) * 100
	}
	said := fmt.Sprintf("%.1f of %.1f MiB are free (%.0f %%)", float64(v.Free)/mib, float64(v.Size)/mib, part)
	if v.Quota > 0 {
		said += fmt.Sprintf(", %.0f %% of the quota are taken", v.QuotaUsage*100)
	}
	return said
}
