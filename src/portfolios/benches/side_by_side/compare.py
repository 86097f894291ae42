"""Times this package and rp2 on the same transactions, and checks that gains and income are the same.
Called by run.sh, in CPU time. rp2 is timed from its transactions in memory to its gains; this package from
transactions in memory to its report, with returns and the value of each day, and from the bytes of a file to the bytes of
that report."""

import datetime
import json
import os
import random
import statistics
import subprocess
import sys
import time
from decimal import Decimal

work, rounds, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
root = os.getcwd()
# rp2 writes a folder of logs where it runs.
os.chdir(work)
COINS = ["ADA", "ATOM", "AVAX", "BNB", "BTC", "DOGE", "DOT", "ETH", "LINK", "SOL", "UNI", "XRP"]


def transactions():
    """Purchases, sales and rewards over eight years: coin, time, kind, quantity, price, fee."""
    dice = random.Random(11)
    start = datetime.datetime(2017, 1, 1, tzinfo=datetime.timezone.utc)
    step = datetime.timedelta(days=2922) / count
    held = dict.fromkeys(COINS, 0)
    made = []
    for number in range(count):
        coin = dice.choice(COINS)
        at = start + step * number
        at = at.replace(microsecond=0)
        price = Decimal(dice.randrange(100, 1_000_000)) / 100
        kind = dice.choice(["buy", "buy", "sell", "sell", "staking"])
        if kind == "sell" and held[coin] < 1000:
            kind = "buy"
        if kind == "sell":
            units = held[coin] * dice.randrange(1, 60) // 100
            held[coin] -= units
        else:
            units = dice.randrange(1_000, 1_000_000)
            held[coin] += units
        # rp2 takes fees of sales in the coin only.
        fee = Decimal(dice.randrange(1, 500)) / 100 if kind == "buy" else Decimal(0)
        made.append((coin, at, kind, Decimal(units) / 10_000, price, fee))
    return made


def write(made):
    """As the project's own file of transactions."""
    rows = []
    for number, (coin, at, kind, quantity, price, fee) in enumerate(made):
        row = {"id": f"t{number}", "time": at.isoformat(), "kind": kind, "account": "exchange"}
        leg = {"asset": coin, "quantity": str(quantity)}
        money = {"asset": "USD", "quantity": str(quantity * price)}
        if kind == "buy":
            row["sent"], row["received"] = money, leg
        elif kind == "sell":
            row["sent"], row["received"] = leg, money
        else:
            row["received"], row["value"] = leg, str(quantity * price)
        if fee:
            row["fees"] = [{"asset": "USD", "quantity": str(fee)}]
        rows.append(row)
    path = os.path.join(work, f"transactions_{count}.json")
    with open(path, "w") as file:
        json.dump({"format": "coinsphere.transactions", "version": 1, "currency": "USD", "transactions": rows}, file)
    return path


def rp2_inputs(made):
    from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
    from rp2.in_transaction import InTransaction
    from rp2.input_data import InputData
    from rp2.out_transaction import OutTransaction
    from rp2.plugin.country.us import US
    from rp2.rp2_decimal import RP2Decimal
    from rp2.transaction_set import TransactionSet

    path = os.path.join(work, "rp2.ini")
    with open(path, "w") as file:
        file.write(f"[general]\nassets = {', '.join(COINS)}\nexchanges = exchange\nholders = me\n")
        file.write("[in_header]\ntimestamp = 0\nasset = 1\n[out_header]\ntimestamp = 0\nasset = 1\n")
        file.write("[intra_header]\ntimestamp = 0\nasset = 1\n")
    configuration = Configuration(path, US())
    sets = {
        coin: [TransactionSet(configuration, kind, coin, MIN_DATE, MAX_DATE) for kind in ("IN", "OUT", "INTRA")]
        for coin in COINS
    }
    for number, (coin, at, kind, quantity, price, fee) in enumerate(made):
        common = {"row": number + 1, "unique_id": f"t{number}"}
        at = at.isoformat()
        if kind == "sell":
            row = OutTransaction(
                configuration, at, coin, "exchange", "me", "SELL", RP2Decimal(str(price)), RP2Decimal(str(quantity)),
                RP2Decimal("0"), fiat_out_no_fee=RP2Decimal(str(quantity * price)), **common,
            )
            sets[coin][1].add_entry(row)
        else:
            row = InTransaction(
                configuration, at, coin, "exchange", "me", "BUY" if kind == "buy" else "STAKING",
                RP2Decimal(str(price)), RP2Decimal(str(quantity)), fiat_fee=RP2Decimal(str(fee)), **common,
            )
            sets[coin][0].add_entry(row)
    # A coin without purchases has nothing to compute.
    inputs = [InputData(coin, *parts) for coin, parts in sets.items() if parts[0].count]
    return configuration, inputs


def rp2_compute(configuration, inputs):
    from prezzemolo.avl_tree import AVLTree
    from rp2.accounting_engine import AccountingEngine
    from rp2.plugin.accounting_method.fifo import AccountingMethod
    from rp2.tax_engine import compute_tax

    methods = AVLTree()
    methods.insert_node(1970, AccountingMethod())
    gains, income = Decimal(0), Decimal(0)
    for data in inputs:
        for entry in compute_tax(configuration, AccountingEngine(methods), data).gain_loss_set:
            if entry.acquired_lot is None:
                income += entry.fiat_gain
            else:
                gains += entry.fiat_gain
    return gains, income


def ours(path):
    command = ["cargo", "bench", "--quiet", "--locked", "-p", "coinsphere-portfolios", "--bench", "one_file", "--", path, "5"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout
    return json.loads(printed.strip().splitlines()[-1])


def same(a, b):
    return abs(a - b) <= Decimal("1e-9") * max(abs(a), abs(b), 1)


made = transactions()
path = write(made)
configuration, inputs = rp2_inputs(made)
ratios = []
for number in range(rounds):
    start = time.process_time()
    gains, income = rp2_compute(configuration, inputs)
    theirs = (time.process_time() - start) * 1000
    found = ours(path)
    computing, whole = (statistics.median(found[name]) for name in ("computing", "whole"))
    for name, value in (("realized", gains), ("income", income)):
        if not same(Decimal(found[name]), Decimal(str(value))):
            sys.exit(f"{name} differs: {found[name]} here, {value} by rp2")
    ratios.append(theirs / computing)
    print(
        f"round {number + 1}: rp2 {theirs:.0f} ms, coinsphere {computing:.2f} ms ({theirs / computing:.0f} times faster), "
        f"with reading and writing {whole:.2f} ms ({theirs / whole:.0f} times)",
        flush=True,
    )
print(f"median of {rounds} rounds with {count} transactions: {statistics.median(ratios):.0f} times faster")
