package config

import (
	"fmt"
	"strings"
)

// didYouMeanEnv is didYouMean for a variable of the environment. What all of them
// begin with says nothing about which is meant; a setting that goes on where the
// name ends is.
func didYouMeanEnv(name string, known []string) string {
	bare := make([]string, len(known))
	for i, k := range known {
		if bare[i] = strings.TrimPrefix(k, envPrefix); strings.HasPrefix(k, name+"_") {
			return fmt.Sprintf("did you mean %s?", k)
		}
	}
	return strings.Replace(didYouMean(strings.TrimPrefix(name, envPrefix), bare), "did you mean ", "did you mean "+envPrefix, 1)
}

// didYouMean is the remedy for a name that is none of known.
func didYouMean(name string, known []string) string {
	best, distance := "", len(name)/3+2
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	if len(known) <= 12 {
		return "known are " + strings.Join(known, ", ")
	}
	return "`revkeeper config show` lists every setting"
}

// editDistance counts the insertions, deletions and replacements between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
