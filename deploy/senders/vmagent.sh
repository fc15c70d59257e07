#!/bin/sh
# vmagent, with an API that wants signed requests (EnableSigV4Auth=true). It has no remote read. Keys come from the
# environment or the instance's role. Takes further flags of vmagent, such as -promscrape.config.
#
#   WRITE_URL=https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/dev/write AWS_REGION=us-east-1 ./vmagent.sh …
#
# It would sign for Amazon Managed Prometheus, and speak a protocol of its own first, if not told otherwise.
exec vmagent \
    -remoteWrite.url="${WRITE_URL:?the stack output InvokeWriteURL}" \
    -remoteWrite.forcePromProto=true \
    -remoteWrite.aws.useSigv4=true \
    -remoteWrite.aws.service=execute-api \
    -remoteWrite.aws.region="${AWS_REGION:?the region of the stack}" \
    "$@"
