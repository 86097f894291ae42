"""Times `coinsphere candles`, DuckDB and polars on one recording, each in a process of its own and in turn,
and checks that the candles are the same. Called by run.sh."""

import csv
import datetime
import decimal
import io
import os
import random
import statistics
import subprocess
import sys
import time

# Each reads the lines `<receive time> <frame>` and prints minute, open, high, low, close, volume,
# quote volume, trades, taker buy volume.
# Decimals with 8 places are what Binance sends; the program needs no such promise.
DUCKDB = """
import sys, duckdb
duckdb.sql('SET enable_progress_bar = false')
duckdb.sql(f'''
COPY (
  WITH lines AS (
    SELECT frame FROM read_csv({sys.argv[1]!r}, delim=' ', quote='', escape='', header=false,
      columns={{'received_at': 'BIGINT', 'frame': 'VARCHAR'}})
  ), parts AS (
    SELECT json_extract_string(frame, ['$.data.t', '$.data.p', '$.data.q', '$.data.T', '$.data.m']) AS d FROM lines
  ), trades AS (
    SELECT d[1]::UBIGINT AS t, d[2]::DECIMAL(18,8) AS p, d[3]::DECIMAL(18,8) AS q, d[4]::BIGINT AS time,
      d[5]::BOOLEAN AS maker FROM parts
  )
  SELECT time // 60000 * 60000 AS minute, arg_min(p, t) AS open, max(p) AS high, min(p) AS low,
    arg_max(p, t) AS close, sum(q) AS volume,
    sum(p::DECIMAL(28,8) * q::DECIMAL(28,8)) AS quote_volume, count(*) AS trades, sum(q) FILTER (NOT maker) AS taker_buy_volume
  FROM trades GROUP BY minute ORDER BY minute
) TO '/dev/stdout' (FORMAT csv, HEADER false)''')
"""
POLARS = """
import sys, polars as pl
number = pl.Decimal(38, 8)
kind = pl.Struct({'data': pl.Struct({'t': pl.UInt64, 'p': pl.String, 'q': pl.String, 'T': pl.Int64, 'm': pl.Boolean})})
d = (
    pl.scan_csv(sys.argv[1], separator=' ', quote_char=None, has_header=False,
        schema={'received_at': pl.Int64, 'frame': pl.String})
    .select(pl.col('frame').str.json_decode(kind).struct.field('data'))
    .unnest('data')
    .with_columns(pl.col('p').cast(number), pl.col('q').cast(number), minute=pl.col('T') // 60000 * 60000)
    .group_by('minute')
    .agg(
        open=pl.col('p').sort_by('t').first(), high=pl.col('p').max(), low=pl.col('p').min(),
        close=pl.col('p').sort_by('t').last(), volume=pl.col('q').sum(),
        quote_volume=(pl.col('p').cast(pl.Decimal(38, 16)) * pl.col('q').cast(pl.Decimal(38, 16))).sum(),
        trades=pl.len(), taker_buy_volume=pl.col('q').filter(~pl.col('m')).sum(),
    )
    .sort('minute')
)
sys.stdout.write(d.collect().write_csv(include_header=False))
"""


def record(path, trades):
    """A recording of one instrument, ten trades a second on average, the same whenever it is made."""
    dice = random.Random(20240808)
    at, price = 1_722_470_400_000, 6_000_000
    with open(path + ".part", "w", encoding="ascii") as out:
        for number in range(trades):
            at += dice.randrange(0, 200)
            price = max(1, price + dice.randrange(-50, 51))
            quantity = dice.randrange(1_000, 100_000_000)
            maker = "true" if dice.random() < 0.5 else "false"
            out.write(
                f'{at + 40}000000 {{"stream":"btcusdt@trade","data":{{"e":"trade","E":{at + 1},"s":"BTCUSDT",'
                f'"t":{3_700_000_000 + number},"p":"{price // 100}.{price % 100:02d}000000",'
                f'"q":"{quantity // 10**8}.{quantity % 10**8:08d}","T":{at},"m":{maker},"M":true}}}}\n'
            )
    os.rename(path + ".part", path)


def run(command):
    """Wall time in seconds, CPU time in seconds, peak memory in MB, and what was printed."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{command[0]} ended with status {child.returncode}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.decode()


NUMBERS = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume")


def ours(text):
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        opened = datetime.datetime.fromisoformat(row["open_time"])
        numbers = [row[name] for name in NUMBERS]
        rows.append([decimal.Decimal(round(opened.timestamp() * 1000)), *map(decimal.Decimal, numbers)])
    return rows


def theirs(text):
    return [[decimal.Decimal(value) for value in row] for row in csv.reader(io.StringIO(text))]


def main():
    program, cache, rounds, trades = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    recording = os.path.join(cache, f"trades-{trades}.jsonl")
    if not os.path.exists(recording):
        record(recording, trades)
    contestants = {
        "coinsphere": ([program, "candles", recording, "--venue", "binance"], ours),
        "duckdb": ([sys.executable, "-c", DUCKDB, recording], theirs),
        "polars": ([sys.executable, "-c", POLARS, recording], theirs),
    }
    taken = {name: [] for name in contestants}
    candles = {}
    for turn in range(rounds + 1):
        for name, (command, parse) in contestants.items():
            wall, cpu, memory, output = run(command)
            # The first round fills the page cache.
            if turn > 0:
                taken[name].append((wall, cpu, memory))
            candles[name] = parse(output)
            if candles[name] != candles["coinsphere"]:
                raise SystemExit(f"the candles of {name} are not those of coinsphere")
    print(f"{trades} trades to {len(candles['coinsphere'])} candles, the same by all three; medians of {rounds} rounds")
    ratios = {
        name: statistics.median(a[0] / b[0] for a, b in zip(taken["coinsphere"], taken[name]))
        for name in contestants
    }
    for name, figures in taken.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*figures))
        print(
            f"{name:11} {wall:6.2f} s wall {cpu:6.2f} s CPU {memory:6.0f} MB"
            f"   coinsphere takes {ratios[name]:.2f} of its wall time"
        )


main()
