// Package openapi holds the types that are generated from api.yaml. They go no
// deeper than the HTTP adapter and the renderers of the command line.
package openapi

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../../../api.yaml
