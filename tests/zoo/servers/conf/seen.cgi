#!/bin/sh
# A CGI program: the handler, the path that chose it, and its variables.
handler=none
for route in $ZOO_ROUTES; do
    case $PATH_INFO in "$route" | "$route"/*) handler=$route ;; esac
done
printf 'content-type: text/plain\r\n\r\n%s\n%s\n' "$handler" "$PATH_INFO"
exec env
