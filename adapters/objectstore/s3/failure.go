package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// failure classifies an error of the SDK. The status decides, then a few codes;
// an error without a status never reached the server or lost its answer.
func (s *Store) failure(ctx context.Context, op, key string, err error) error {
	e := &fault.Error{Kind: fault.Unavailable, Op: op, Object: key, Err: err}
	if ctx.Err() != nil {
		// The SDK's cancellation errors do not always lead to the context's.
		e.Err = ctx.Err()
		return e
	}
	var credentials credentialsError
	if errors.As(err, &credentials) {
		return credentialsFailure(e, credentials)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) || errors.As(err, new(x509.UnknownAuthorityError)) {
		e.Kind, e.Remedy = fault.Unauthorized, "give the authority of the endpoint's certificate as caFile"
		return e
	}
	e.Kind, e.Remedy = s.classify(status(err), code(err))
	return e
}

// classify maps a status (0: none) and an S3 error code to a kind and a remedy.
func (s *Store) classify(status int, code string) (fault.Kind, string) {
	switch code {
	case "NoSuchBucket":
		return fault.NotFound, "create the bucket " + s.cfg.Bucket + " or correct its name"
	case "RequestTimeTooSkewed":
		return fault.Unauthorized, "set this machine's clock"
	// These come with 400, 403 or 404, depending on the server; a HEAD has no
	// body for a code, and its bare 400 is mostly an expired token.
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"AuthorizationHeaderMalformed", "XAdminUserNotFound", "BadRequest":
		return fault.Unauthorized, "check the credentials and the region of the bucket " + s.cfg.Bucket
	case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException":
		return fault.Unavailable, ""
	case "NotImplemented":
		return fault.Unsupported, "if the server has no conditional puts, set noConditionalPut"
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Unauthorized, "check the credentials and the policy of the bucket " + s.cfg.Bucket
	case status == http.StatusNotFound:
		return fault.NotFound, ""
	case status == http.StatusPreconditionFailed:
		return fault.Conflict, ""
	case status == http.StatusRequestedRangeNotSatisfiable:
		return fault.Invalid, ""
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect, status == http.StatusPermanentRedirect:
		return fault.Invalid, "set the region of the bucket " + s.cfg.Bucket
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500, status == 0:
		return fault.Unavailable, ""
	case status >= 400:
		return fault.Invalid, ""
	}
	// A success whose body could not be read or understood.
	return fault.Unavailable, ""
}

// credentialsFailure separates a credential service that is away from
// credentials that are missing or refused.
func credentialsFailure(e *fault.Error, cause credentialsError) error {
	e.Kind, e.Remedy = fault.Unauthorized, "give credentials in the environment, in the AWS files or by a role"
	var operation *smithy.OperationError
	if errors.As(cause.error, &operation) && operation.Service() != "ec2imds" {
		if n := status(operation); n == 0 || n >= 500 || n == http.StatusTooManyRequests {
			e.Kind, e.Remedy = fault.Unavailable, "check the service that gives out the credentials"
		}
	}
	return e
}

// status is the HTTP status of an error, 0 if no response came.
func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// code is the S3 error code, empty if the response had none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
