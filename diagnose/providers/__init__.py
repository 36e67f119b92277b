"""Load balancers and edges as they are known: how each is recognised, and what it does to the client's address.

A provider is one file in ``data``; nothing here is code for one of them. ``provider`` holds the types, ``load`` reads
the files, ``recognise`` tells whose a Service or an Ingress is, ``advice`` what follows from that, and ``hints`` what
an answer on the wire gives away.
"""
