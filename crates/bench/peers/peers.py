"""Times PyTorch and CTranslate2 on request.

Reads a request a line, {"case": NAME, "threads": N, "seconds": S}, and answers {"case", "runs", "best"} in seconds, or {"case", "error"}.
`--check` holds this program's own convolutions against plain loops and ends.
"""

import json
import sys

import ctranslate2
import torch

import cases
import convolutions
import timing


def main():
    if "--check" in sys.argv:
        convolutions.check()
        return
    print(json.dumps({"PyTorch": torch.__version__, "CTranslate2": ctranslate2.__version__}), flush=True)
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        name, threads = request["case"], request["threads"]
        torch.set_num_threads(threads)
        try:
            if (name, threads) not in made:
                run = cases.make(name, threads)
                run(), run()
                if len(made) > 3:  # Requests come case by case, of a few peers each; what is done with goes.
                    made.clear()
                made[name, threads] = run
            best, runs = timing.again(made[name, threads], request["seconds"])
            answer = {"case": name, "runs": runs, "best": best}
        except (KeyError, ValueError, TypeError) as error:
            answer = {"case": name, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
