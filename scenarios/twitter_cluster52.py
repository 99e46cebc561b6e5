"""88 minutes of real reads: 2% of the keys of Twitter's cache cluster 52.

Data: 144,362 requests to 17,768 keys, sampled by key out of Twitter's public cache traces (Yang, Yue, Rashmi, OSDI
2020), as packaged by libCacheSim 0.3.5; licence CC-BY 4.0. The sample does not record operations: all its requests
are taken for reads, and writes are synthetic. Their rate follows the cluster's published mix (get .91, gets .02,
cas .02): one write for every 46.5 reads. In Memcached's protocol, a cas follows a gets of the same key, so writes
choose their keys as reads do.
"""

from pathlib import Path

from cachewise import Scenario

READS, LASTS_S = 144_362, 5_294
SCENARIO = Scenario(
    "twitter_cluster52",
    why="real arrivals of a production cache, 88 minutes of them, with writes at the cluster's published share",
    trace=str(Path(__file__).parent / "data" / "twitter_cluster52_keys2pct.csv.gz"),
    write_popularity="same",
    writes_per_s=round(READS / LASTS_S * 0.02 / 0.93, 3),
    warmup_s=300,
    duration_s=LASTS_S - 300,
    workers=4,
    threads=4,
)

if __name__ == "__main__":
    from cachewise import run_script

    run_script(__file__)
