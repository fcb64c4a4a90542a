"""Stripe behind the PaymentGateway port: one account's line, what is asked over it, what its objects say.

line        the client, its time-outs, what a failed call means
objects     what Stripe's objects say, in our words
events      notices: verified, or asked for, then read
books       balance transactions and payouts
reversals   refunds, disputes, fraud warnings
payments    hosted pages and charges of saved cards; the gateway that assembly builds
"""
