package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	dialTimeout = 10 * time.Second
	// headerTimeout is how long a server may think before its first byte, once
	// it has the whole request. Completing a large multipart upload is slow.
	headerTimeout = 2 * time.Minute
	// defaultRegion is what servers other than AWS expect in a signature.
	defaultRegion = "us-east-1"
)

// newClient builds the SDK's client. It reads local files only.
func newClient(ctx context.Context, cfg Config) (*s3.Client, error) {
	const op = "open s3 store"
	httpClient, err := newHTTPClient(cfg.CAFile)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, cfg.CAFile, err)
	}
	region := cfg.Region
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient),
		// What goes wrong is in the errors; the SDK's own lines on stderr are not ours.
		config.WithLogger(logging.Nop{}),
		// Who retries is decided once, by the retry decorator.
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	if cfg.Endpoint != "" {
		options = append(options, config.WithDefaultRegion(defaultRegion))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, cfg.Bucket, err)
	}
	if loaded.Region == "" {
		return nil, fault.Problems{{Key: "region", Detail: "is not known", Remedy: "set it, or AWS_REGION"}}
	}
	loaded.Credentials = named{loaded.Credentials}
	return s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.UsePathStyle = cfg.PathStyle
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(cfg.Endpoint)
			// Many servers refuse the checksum trailers that AWS takes; every
			// object of ours carries digests of its own.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	}), nil
}

// newHTTPClient returns a client whose every wait is bounded, except for the
// transfer of a body, which its context bounds.
func newHTTPClient(caFile string) (*awshttp.BuildableClient, error) {
	var pool *x509.CertPool
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", caFile)
		}
	}
	client := awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
		WithTransportOptions(func(tr *http.Transport) {
			tr.ResponseHeaderTimeout = headerTimeout
			if pool == nil {
				return
			}
			if tr.TLSClientConfig == nil {
				tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			tr.TLSClientConfig.RootCAs = pool
		})
	return client, nil
}

// named marks errors of the credential chain, whose own types are many.
type named struct{ aws.CredentialsProvider }

// credentialsError is an error of the credential chain.
type credentialsError struct{ error }

// Unwrap returns the chain's error.
func (e credentialsError) Unwrap() error { return e.error }

// Retrieve implements aws.CredentialsProvider.
func (n named) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if n.CredentialsProvider == nil {
		return aws.Credentials{}, credentialsError{errors.New("there is no credentials provider")}
	}
	c, err := n.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, credentialsError{err}
	}
	return c, nil
}
