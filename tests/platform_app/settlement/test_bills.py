"""Bills of WeChat and Alipay, read from the bytes that they send."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_app.sandbox.wechat.bills import Line, written
from platform_app.settlement import alipay_bill, wechat_bill
from platform_app.settlement.bills import BillError, fen

DAY = "2026-11-24"
AT = 1_795_500_000.0


def line(number: int, amount: int = 12_800, refund: bool = False, status: str = "SUCCESS", name: str = "保洁") -> Line:
    trade = f"T{number:08d}"
    ref = f"R{trade}" if refund else trade
    sign = -1 if refund else 1
    subject = "refunded" if refund else "paid"
    return Line(AT, subject, ref, trade, f"4200{number}", "503", "oX", amount, sign * amount * 6 // 1000, status, name)


def wechat(*lines: Line) -> bytes:
    return written(list(lines), "wx1", "1900000001").encode()


@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**11), st.booleans(), st.sampled_from(["SUCCESS", "PROCESSING"]), st.text(max_size=20)
        )
    )
)
def test_what_wechat_writes_is_read_back(rows: list[tuple[int, bool, str, str]]) -> None:
    names = [name.replace("\n", "").replace("\r", "") for *_, name in rows]
    lines = [line(n, a, r, s, names[n]) for n, (a, r, s, _) in enumerate(rows)]
    bill = wechat_bill.parse(wechat(*lines), DAY)
    read = [(x.subject, x.ref, x.trade_no, x.amount_fen, x.fee_fen, x.done) for x in bill.lines]
    assert read == [(x.subject, x.ref, x.out_trade_no, x.amount, x.fee, x.status == "SUCCESS") for x in lines]


def test_a_packed_bill_is_unpacked_and_its_hash_held_to() -> None:
    text = wechat(line(1))
    data, sha1 = wechat_bill.pack(text)
    assert wechat_bill.unpack(data, sha1) == text
    for wrong, digest, why in (
        (data, "0" * 40, "hash"),
        (data[:-9], sha1, "cut off"),
        (b"PK" + data, sha1, "not gzip"),
    ):
        with pytest.raises(BillError, match=why):
            wechat_bill.unpack(wrong, digest)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"`T00000001,", b"T00000001,", "2: 26 fields"),
        (b"128.00", b"12x.00", "line 2: 订单金额: not an amount"),
        ("商户订单号".encode(), b"?", "no column '商户订单号'"),
        (b"`1,`128.00", b"`2,`128.00", "总交易单数 is 2, there are 1 rows"),
        ("总交易单数".encode(), b"x", "backtick"),
        (b"wx1", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_damaged_wechat_bill_is_refused_by_line(old: bytes, new: bytes, why: str) -> None:
    text = wechat(line(1))
    assert old in text
    with pytest.raises(BillError, match=why):
        wechat_bill.parse(text.replace(old, new), DAY)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bill_or_refused_by_name(data: bytes) -> None:
    for parse in (wechat_bill.parse, alipay_bill.parse):
        with pytest.raises(BillError):
            parse(data, DAY)


HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)


def row(number: int, kind: str, yuan: str, request: str = "", fee: str = "0.00", name: str = "保洁") -> str:
    times = ["2026-11-24 10:00:00\t", "2026-11-24 10:00:05\t"]
    fields = [f"20261124{number}\t", f"A{number:08d}\t", f"{kind}     ", f'"{name}"', *times]
    fields += [
        "\t",
        "\t",
        "\t",
        "\t",
        "\t",
        yuan,
        yuan,
        *["0.00"] * 5,
        "\t",
        "0.00",
        "0.00",
        f"{request}\t",
        fee,
        "0.00",
        "",
    ]
    return ",".join(fields)


def alipay(*rows: str, end: bool = True, name: str = "20881_20261124_业务明细.csv") -> bytes:
    text = ["#支付宝业务明细查询", "#账号：[20880000000000010156]", "#-----------业务明细列表-----------", HEAD, *rows]
    if end:
        text += ["#-----------------------------------------业务明细列表结束------------------------------------"]
        text += ["#交易合计：1笔，商家实收共128.00元", "#导出时间：[2026年11月25日 09:00:00]"]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(_Gbk("20881_20261124_业务明细(汇总).csv"), "门店编号,交易订单总笔数".encode("gbk"))
        archive.writestr(_Gbk(name), "\r\n".join(text).encode("gbk"))
    return out.getvalue()


class _Gbk(zipfile.ZipInfo):
    """A name as GBK bytes without the UTF-8 flag, as Alipay packs them."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def test_alipays_zip_is_read() -> None:
    data = alipay(
        row(1, "交易", "128.00", fee="-0.77", name="保洁,两小时"), row(1, "退款", "-28.50", "RA1", fee="0.17")
    )
    bill = alipay_bill.parse(data, DAY)
    assert [(x.subject, x.ref, x.trade_no, x.amount_fen, x.fee_fen) for x in bill.lines] == [
        ("paid", "A00000001", "A00000001", 12_800, 77),
        ("refunded", "RA1", "A00000001", 2_850, -17),
    ]
    assert bill.fee_fen == 60
    assert alipay_bill.parse(alipay(), DAY).lines == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK nonsense", "not a zip"),
        (alipay(name="x.csv"), "no file"),
        (alipay(row(1, "交易", "1.00"), end=False), "cut off"),
        (alipay(row(1, "转账", "1.00")), "业务类型"),
        (alipay(row(1, "退款", "1.00")), "a refund is negative"),
        (alipay(row(1, "交易", "1.005")), "not an amount"),
        (alipay("1,2,3"), "3 fields, 25 columns"),
    ],
)
def test_a_damaged_alipay_bill_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BillError, match=why):
        alipay_bill.parse(data, DAY)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("128.00", 12_800), ("-0.5", -50), ("0.77000", 77), ("12.3", 1_230)]
)
def test_yuan_become_fen_exactly(text: str, value: int) -> None:
    assert fen(text, "x") == value


@pytest.mark.parametrize("text", ["", "1.005", "1e3", "NaN", "--1", "1,000.00", "٣", "9" * 13])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BillError):
        fen(text, "x")
