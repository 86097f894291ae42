"""Trains the reference configuration in PyTorch on one thread and prints what it cost, as
reference_training.rs does: LSTM 128 -> 64 -> 32, dropout 0.2, 305 windows of 60, batch 32, Adam 1e-3,
MSE."""

import json
import math
import resource
import sys
import time

import torch
from torch import nn

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
POINTS, STEPS, BATCH = 365, 60, 32


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm1 = nn.LSTM(1, 128, batch_first=True)
        self.lstm2 = nn.LSTM(128, 64, batch_first=True)
        self.lstm3 = nn.LSTM(64, 32, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.linear = nn.Linear(32, 1)

    def forward(self, x):
        x = self.dropout(self.lstm1(x)[0])
        x = self.dropout(self.lstm2(x)[0])
        x = self.dropout(self.lstm3(x)[0][:, -1])
        return self.linear(x)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    torch.set_num_threads(1)
    torch.manual_seed(7)
    series = torch.tensor(
        [0.5 + 0.4 * math.sin(i / 9.0) + 0.1 * math.sin(i * 12.9898) for i in range(POINTS)]
    )
    inputs = series.unfold(0, STEPS, 1)[: POINTS - STEPS].unsqueeze(-1).contiguous()
    targets = series[STEPS:].unsqueeze(-1)
    net, loss_of = Net(), nn.MSELoss()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    # What happens once, at first use, stays outside of the clock.
    net(inputs[:2]).sum().backward()
    optimiser.zero_grad()

    started, cpu, loss_sum = time.perf_counter(), cpu_seconds(), 0.0
    for _ in range(EPOCHS):
        loss_sum = 0.0
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimiser.zero_grad()
            loss = loss_of(net(inputs[batch]), targets[batch])
            loss.backward()
            optimiser.step()
            loss_sum += float(loss.detach()) * len(batch)
    print(
        json.dumps(
            {
                "name": "pytorch " + torch.__version__,
                "models": 1,
                "epochs": EPOCHS,
                "wall": round(time.perf_counter() - started, 2),
                "cpu": round(cpu_seconds() - cpu, 2),
                "loss": round(loss_sum / len(inputs), 6),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
