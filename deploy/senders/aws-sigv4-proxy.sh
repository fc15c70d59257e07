#!/bin/sh
# aws-sigv4-proxy, for what can't sign for API Gateway itself: Prometheus before 3.5, and every Prometheus' remote read.
# Whoever reaches it may write and read, so it listens for this machine only. Keys come from the environment, a profile or
# the instance's role.
#
#   API_HOST=a1b2c3d4e5.execute-api.us-east-1.amazonaws.com AWS_REGION=us-east-1 ./aws-sigv4-proxy.sh
exec aws-sigv4-proxy \
    --host "${API_HOST:?the host of the stack output InvokeWriteURL}" \
    --name execute-api \
    --region "${AWS_REGION:?the region of the stack}" \
    --port 127.0.0.1:8080
