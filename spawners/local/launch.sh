# Runs one server and keeps its exit status. Started by launching.py, which holds the attempt's lock:
#
#     launch.sh PLACE BOOT NAMESPACE HOME COMMAND [ARGUMENT...]
#
# Standard output is the attempt's output file. One more open file holds the lock; this shell and the server
# both inherit it, so that it stays taken until both have ended. Only what a shell has built in is used.

trap : HUP INT QUIT TERM # caught, not ignored: the server begins with the default actions

{
    (
        # Who it is must be on disk before it is anybody: from here on this process becomes the server.
        read -r callboard_stat </proc/self/stat &&
            printf '%s\n' "$2 $3 $callboard_stat" >"$1/identity" || exit 125
        cd -- "$4" 2>&1 || cd /
        unset OLDPWD callboard_stat
        shift 4
        exec "$@" 2>&1
    )
    echo $? >"$1/exit"
    exit 0
}
