"""Alipay as its merchants meet it: the gateway, the cashier's page, notifications, bills."""
