"""The simulator against closed forms, over independent replications.

Rows of the theory that this vocabulary cannot express yet, and why:

- replica lag (with a delete on write, and with a timeout only): there are no replicas;
- several processes behind a round-robin balancer: a request's worker is drawn at random.

A late delete and a late set are expressed with one more transaction between the commit and the call, one fetch in
flight a key with a row lock. Approximate rows (Che's LRU, LocMem's batch LRU, XFetch's fetches a refresh, 1-e^-lc for a
delete before the commit) carry their tolerance. All are held within 4 standard errors, and the errors are small enough
to show a simulator that is off by 3%, or by 5% where a race or a fault touches only some of the entries.
"""
