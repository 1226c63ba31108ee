"""Chat robots as DingTalk and WeCom run them: HTTP 200 always, the truth in `errcode`."""
