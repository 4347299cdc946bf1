import os
import signal

import pytest
import torch

from vatt_harmony.engine.preemption import Preemption


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_noted_and_the_handler_given_back(number):
    before = signal.getsignal(number)
    with Preemption(torch.device("cpu")) as preemption:
        assert not preemption.agreed()
        os.kill(os.getpid(), number)
        assert preemption.agreed()
    assert signal.getsignal(number) is before
