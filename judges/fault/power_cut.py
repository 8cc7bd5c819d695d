"""A power cut for a process's data directory: what was not fsynced is gone, by the library power_cut.c.

  cut = PowerCut(work_directory, data_directory)
  subprocess.Popen([...], env=os.environ | cut.environment())     # the process, later killed with SIGKILL
  cut.cut(seed)                                                   # the data directory is now the durable one
"""

import os
import pathlib
import random
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).with_name("power_cut.c")
SECTOR = 512


class PowerCut:
    def __init__(self, directory, data, torn_tails=True):
        self.data, self.torn_tails = pathlib.Path(data), torn_tails
        self.shadow = pathlib.Path(directory) / "power-cut-shadow"
        self.library = pathlib.Path(directory) / "power_cut.so"
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl", "-lpthread"],
                       check=True)

    def environment(self):
        self.data.mkdir(parents=True, exist_ok=True)
        return {"LD_PRELOAD": str(self.library), "POWER_CUT_ROOT": str(self.data), "POWER_CUT_SHADOW": str(self.shadow)}

    def cut(self, seed=None):
        """Replaces the data directory, of a process that has ended, by its durable state."""
        tree = self.shadow / "tree"
        if not (self.shadow / "ready").exists():    # it ended before its first instruction: nothing has changed
            shutil.rmtree(self.shadow, ignore_errors=True)
            return
        tails = self.tails(random.Random(seed)) if self.torn_tails and seed is not None else {}
        shutil.rmtree(self.data)
        shutil.copytree(tree, self.data, symlinks=True)
        for name, tail in tails.items():
            with open(self.data / name, "ab") as file:
                file.write(tail)
        shutil.rmtree(self.shadow)

    def tails(self, chance):
        """Bytes beyond the durable length that happened to reach the disk: for half of the files a part
        of them, whose last sector may be zeros."""
        found = {}
        for path in sorted((self.shadow / "tree").rglob("*")):
            name = path.relative_to(self.shadow / "tree")
            real = self.data / name
            if not path.is_file() or not real.is_file():
                continue
            durable, written = path.stat(), real.stat()
            same = any(twin.stat().st_ino == durable.st_ino for twin in (self.shadow / "inodes").glob(f"{written.st_ino}-*"))
            missing = written.st_size - durable.st_size
            if not same or missing <= 0 or chance.random() < 0.5:
                continue
            with open(real, "rb") as file:
                file.seek(durable.st_size)
                tail = bytearray(file.read(chance.randint(1, missing)))
            if chance.random() < 0.3:
                start = max(0, len(tail) - SECTOR)
                tail[start:] = bytes(len(tail) - start)
            found[name] = bytes(tail)
        return found


def main():
    import sys
    print(PowerCut(sys.argv[1], pathlib.Path(sys.argv[1]) / "data").library)


if __name__ == "__main__":
    main()
