#!/bin/sh
# Called with INSTANCE or GROUP, its name, the state entered, and the priority.
exec logger -t vrrp-notify "$2 is now $3 (priority $4)"
