"""Run or join a job: ``python launcher.py SPEC RESULT SECONDS`` prints how that ended as JSON.

The job is done when the file RESULT is there, and out of time after so many seconds. While it
waits for an attempt there is a file RESULT-PID.
"""

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

from noticed import Noticed

from ptycho_compare.errors import InputError
from ptycho_compare.jobs.record import JobSpec
from ptycho_compare.jobs.run_or_join import run_or_join

# a shell that starts pytest in the background has it ignore Ctrl-C, and all it starts with it
signal.signal(signal.SIGINT, signal.default_int_handler)

spec, result, seconds = JobSpec.from_json(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + seconds
executor = Noticed()


def out_of_time() -> bool:
    if executor.begun:
        result.with_name(f"{result.name}-{os.getpid()}").touch()
    return time.monotonic() >= end


try:
    ended = run_or_join(spec, executor, is_done=result.exists, out_of_time=out_of_time)
except InputError as error:
    print(json.dumps({"outcome": type(error).__name__, "text": str(error)}))
except KeyboardInterrupt:
    print(json.dumps({"outcome": "KeyboardInterrupt"}))
else:
    print(json.dumps({"outcome": ended.state, **({} if ended.record is None else asdict(ended.record))}))
