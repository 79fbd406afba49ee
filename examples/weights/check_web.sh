#!/bin/sh
# Succeeds when the web server on this box answers.
exec curl --silent --fail --max-time 1 --output /dev/null http://127.0.0.1/
