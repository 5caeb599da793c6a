"""The scenarios: what the two applications do, and what befalls their segments.  ``player`` has the words."""

from __future__ import annotations

from typing import NamedTuple


class Script(NamedTuple):
    """A scenario."""

    name: str
    about: str
    words: str
    weight: int = 1
    """How often it is played, against the others."""
    needs: float = 4
    """Seconds that its end takes, with short timers."""
    fast_only: bool = False


SCRIPTS = (
    # ---- orderly closes
    Script("close_by_client", "four segments", "open talk close:c eof:s wait:.1:.4 close:s", weight=5),
    Script("close_by_server", "four segments", "open talk close:s eof:c wait:.1:.4 close:c", weight=5),
    Script("three_segment_close", "FIN, FIN and ACK in one, ACK", "open talk close:c eof:s close:s", weight=2),
    Script("three_segment_close", "likewise, the server first", "open talk close:s eof:c close:c", weight=2),
    Script("simultaneous_close", "the FINs cross: CLOSING", "open talk wait:.1:.2 close:c close:s", weight=2),
    Script(
        "half_close_client",
        "the client closes for writing, the server goes on",
        "open talk shut:c eof:s wait:.1:.3 move:s:20000 wait:.1:.3 close:s eof:c close:c",
        weight=2,
    ),
    Script(
        "half_close_server",
        "the server closes for writing, the client goes on",
        "open talk shut:s eof:c wait:.1:.3 move:c:8000 wait:.1:.3 close:c eof:s close:s",
        weight=2,
    ),
    Script(
        "fin_on_data",
        "the FIN on the last data",
        "open talk:1 set:c:cork=1 send:c:300 shut:c eof:s send:s:500 close:s eof:c close:c",
        weight=2,
    ),
    Script(
        "data_to_orphan",
        "data to an application that has closed: RST",
        "open talk close:c eof:s wait:0:.1 send:s:500 wait:0:.2 close:s",
    ),
    Script(
        "data_on_third_ack",
        "no bare ACK in the handshake",
        "connect:quickack=0 send:c:300 accept read:s:300 talk:1 close:c eof:s close:s",
    ),
    Script("no_data_close", "opened, and closed at once", "open close:c eof:s wait:0:.2 close:s"),
    # ---- aborts
    Script("rst_by_client", "the client aborts", "open talk abort:c eof:s close:s", weight=2),
    Script("rst_by_server", "the server aborts", "open talk abort:s eof:c close:c", weight=2),
    Script("rst_after_fin", "an abort in FIN_WAIT_2", "open talk shut:c eof:s wait:.1:.3 abort:c wait:.1:.2 close:s"),
    Script("rst_in_close_wait", "an abort in CLOSE_WAIT", "open talk close:c eof:s wait:.1:.3 abort:s"),
    Script(
        "unread_close_client",
        "closed with data unread: RST",
        "open talk:1 send:s:3000 wait:.1:.2 close:c eof:s close:s",
    ),
    Script("unread_close_server", "likewise", "open talk:1 send:c:3000 wait:.1:.2 close:s eof:c close:c"),
    Script(
        "data_after_close",
        "data to an orphan in FIN_WAIT_2",
        "open talk:1 close:s eof:c wait:.1:.3 send:c:400 wait:.2:.3 close:c",
    ),
    Script("rst_lost_client", "the client's RST is lost", "lose:c:rst:ever open talk:1 abort:c stay"),
    Script("rst_lost_server", "the server's RST is lost", "lose:s:rst:ever open talk:1 abort:s stay"),
    Script(
        "rst_lost_then_probe",
        "a lost RST, and data that draws another",
        "lose:c:rst open talk:1 abort:c wait:.5:1 send:s:500 eof:s close:s",
    ),
    # ---- opening
    Script("refused", "a closed port", "port:9992 connect", weight=2),
    Script("icmp_rejected", "ICMP answers the SYN", "port:9990 reject:c:syn connect"),
    Script("firewall_drop", "the server's firewall drops the SYNs", "port:9991 swallow:c:syn connect"),
    Script("syn_blackhole", "every SYN is lost", "lose:c:syn:ever connect", needs=12),
    Script("syn_lost_1", "the first SYN is lost", "lose:c:syn open talk:1 close:c eof:s close:s"),
    Script("syn_lost_2", "two SYNs are lost", "lose:c:syn:2 open talk:1 close:c eof:s close:s", needs=6),
    Script("synack_lost_1", "the first SYN-ACK is lost", "lose:s:synack open talk:1 close:s eof:c close:c"),
    Script("synack_lost_2", "two SYN-ACKs are lost", "lose:s:synack:2 open talk:1 close:c eof:s close:s", needs=6),
    Script("synack_lost_all", "every SYN-ACK is lost", "lose:s:synack:ever connect", needs=18),
    Script(
        "hsack_lost_idle",
        "the third ACK is lost, then silence",
        "lose:c:third connect accept wait:.3:1 close:c eof:s close:s",
    ),
    Script(
        "hsack_lost_data",
        "the third ACK is lost, data follows",
        "lose:c:third connect wait:.05:.2 send:c:200 accept read:s:200 talk:1 close:s eof:c close:c",
    ),
    Script("hsack_lost_all", "every third ACK is lost", "lose:c:third:ever connect stay", needs=18),
    Script(
        "connect_cancel",
        "closed in SYN_SENT, before the SYN-ACK comes",
        "hold:s:synack:450 connect& wait:.2 cancel close:c",
        needs=8,
    ),
    Script(
        "listener_closed_in_handshake",
        "the listener goes while a request waits",
        "listen:quiet hold:c:third:400 connect wait:.15 unlisten eof:c close:c",
        needs=8,
    ),
    Script(
        "acceptq_filler",
        "a full accept queue: an ACK ignored, then a SYN",
        "listen:backlog=1:quiet connect wait:.05"
        " sibling:acceptq_filler hold:c:third:120 connect& wait:.02"
        " sibling:acceptq_full_ack hold:c:third:300 connect& wait:.7"
        " sibling:acceptq_full_syn keep connect stay",
        needs=10,
    ),
    Script(
        "acceptq_filler",
        "a full queue answers with a SYN cookie",
        "listen:backlog=0:quiet hold:c:third:120 connect& wait:.02"
        " sibling:syncookie_acceptq_full hold:c:third:300 connect wait:1 send:c:100 stay",
        needs=6,
    ),
    Script(
        "defer_accept_idle",
        "TCP_DEFER_ACCEPT: the third ACK arrives and is ignored",
        "listen:defer=3 connect accept talk:1 close:c eof:s close:s",
        needs=8,
    ),
    Script(
        "defer_accept_data",
        "TCP_DEFER_ACCEPT, data after half a second",
        "listen:defer=3 connect wait:.5 send:c:100 accept read:s:100 talk:1 close:s eof:c close:c",
    ),
    Script(
        "simultaneous_open",
        "both connect; the SYNs cross",
        "hold:c:syn:60 hold:s:syn:60 both-connect talk:1 close:c eof:s wait:.1:.2 close:s",
    ),
    Script(
        "tfo_cookie",
        "TCP Fast Open: a cookie, then data on the SYN",
        "listen:fastopen=16 fast-open:100 accept read:s:100 move:s:300 close:c eof:s close:s"
        " sibling:tfo_data fast-open:200 accept read:s:200 move:s:300 close:s eof:c close:c",
        fast_only=True,
    ),
    Script(
        "tfo_cookie",
        "likewise, and the SYN-ACK is lost",
        "listen:fastopen=16 fast-open:100 accept read:s:100 move:s:300 close:c eof:s close:s"
        " sibling:tfo_synack_lost lose:s:synack fast-open:200 accept read:s:200 move:s:300 close:s eof:c close:c",
        fast_only=True,
    ),
    # ---- losses around the close
    Script("fin_lost_client", "the client's FIN is lost", "lose:c:fin open talk:1 close:c eof:s wait:.1:.2 close:s"),
    Script("fin_lost_server", "the server's FIN is lost", "lose:s:fin open talk:1 close:s eof:c wait:.1:.2 close:c"),
    Script(
        "finack_lost", "the ACK of the first FIN is lost", "lose:s:finack open talk:1 close:c eof:s wait:1.5 close:s"
    ),
    Script(
        "last_ack_lost_1",
        "the last ACK is lost",
        "lose:c:finack open talk:1 close:c eof:s wait:.1:.2 close:s",
        weight=2,
    ),
    Script(
        "last_ack_lost_all",
        "every last ACK is lost",
        "lose:c:finack:ever open talk:1 close:c eof:s wait:.1:.2 close:s",
        weight=2,
    ),
    Script(
        "fin_before_data",
        "the FIN overtakes the last data",
        "hold:c:data:500:2 open move:c:100 wait:.01:.08 send:c:300 close:c eof:s wait:.1:.2 close:s",
    ),
    Script(
        "data_lost_fin_delivered",
        "the last data is lost, the FIN is not",
        "lose:c:data:1:2 open move:c:100 wait:.01:.08 send:c:300 close:c eof:s close:s",
    ),
    Script(
        "data_lost_forever_fin_delivered",
        "likewise, and for ever",
        "lose:c:data:ever:2 open move:c:100 wait:.01:.08 send:c:300 close:c eof:s close:s",
        needs=5,
    ),
    Script(
        "old_duplicate_syn", "a SYN comes again when all is over", "repeat:c:syn:2500 open talk:1 close:c eof:s close:s"
    ),
    Script(
        "old_duplicate_syn",
        "likewise, the server closed first",
        "repeat:c:syn:2500 open talk:1 close:s eof:c close:c",
    ),
    Script(
        "duplicated_handshake_and_fin",
        "SYN, SYN-ACK and FINs come twice",
        "repeat:c:syn:30 repeat:s:synack:30 repeat:c:fin:30 repeat:s:fin:30"
        " open talk:1 close:c eof:s wait:.1:.2 close:s",
    ),
    # ---- one side never closes, or vanishes
    Script("server_never_closes", "FIN_WAIT_2, CLOSE_WAIT", "open talk shut:c eof:s stay", weight=2),
    Script("server_never_closes_orphan", "an orphaned FIN_WAIT_2", "open talk close:c eof:s stay", weight=2),
    Script("client_never_closes", "likewise, at the server", "open talk close:s eof:c stay"),
    Script(
        "late_close_after_orphan",
        "the orphan has expired: the FIN draws a RST",
        "open talk:1 close:c eof:s wait-orphan close:s",
    ),
    Script(
        "partition_after_client_fin",
        "nothing gets through after the client's FIN",
        "part-after:c:fin open talk:1 close:c eof:s wait:.1:.3 close:s",
        weight=2,
    ),
    Script("partition_at_client_fin", "nor does the FIN", "part-at:c:fin open talk:1 close:c stay"),
    Script(
        "server_vanishes_after_fin_ack",
        "parted in FIN_WAIT_2",
        "open talk:1 shut:c eof:s wait:.2:.3 part close:s stay",
    ),
    Script("client_vanishes_silently", "a power cut while idle", "open talk:1 vanish:c stay"),
    Script(
        "server_vanishes_rst_on_data",
        "a power cut; the next data draws a RST",
        "open talk:1 vanish:s wait:.3:.6 send:c:200 eof:c close:c",
    ),
    Script(
        "server_vanishes_rst_lost",
        "likewise, and the RSTs are lost",
        "lose:s:rst:ever open talk:1 vanish:s wait:.3:.6 keep send:c:200 eof:c",
    ),
    Script(
        "client_reboot",
        "the same ports again after a power cut",
        "open talk:1 vanish:c wait:.3:.6 again:client_reboot_new open talk:1 close:c eof:s close:s",
        needs=6,
    ),
    Script("sock_destroy_server", "the administrator kills it", "open talk:1 kill:s eof:c close:c"),
    Script(
        "user_timeout",
        "TCP_USER_TIMEOUT: CLOSED without a frame",
        "open set:c:user_timeout=1500 talk:1 part keep send:c:300 eof:c",
        needs=8,
    ),
    # ---- idle, keepalive, window, bulk
    Script("idle_established", "some data, then nothing", "open talk:1 stay", weight=3),
    Script("idle_no_data", "a handshake, then nothing", "open stay", weight=2),
    Script("keepalive", "probes every second", "open set:c:keepalive=1:keepidle=1:keepintvl=1 talk:1 stay"),
    Script(
        "keepalive_dead_peer",
        "probes find nobody",
        "open talk:1 set:s:keepalive=1:keepidle=1:keepintvl=1:keepcnt=3 wait:.2 part keep eof:s",
        needs=9,
    ),
    Script(
        "zero_window_recovers",
        "nobody reads for three seconds",
        "listen:rcvbuf=4096 open send:c:120000& wait:3 read:s:120000 close:c eof:s close:s",
        needs=6,
    ),
    Script("zero_window_stuck", "nobody ever reads", "listen:rcvbuf=4096 open:sndbuf=65536 send:c:400000"),
    Script(
        "zero_window_close",
        "closed behind a closed window: no FIN can be sent",
        "listen:rcvbuf=4096 open:sndbuf=300000 send:c:100000 wait:.2:.4 close:c stay",
    ),
    Script("bulk_upload", "much data up", "open move:c:60000:300000 close:c eof:s close:s", weight=2, needs=8),
    Script(
        "bulk_download",
        "much data down",
        "open move:c:200 move:s:60000:300000 close:s eof:c close:c",
        weight=2,
        needs=8,
    ),
    # ---- the same ports again
    Script(
        "reuse_server_time_wait",
        "a new SYN in the server's TIME_WAIT",
        "open talk:1 close:s eof:c close:c wait:.3:1.2"
        " again:reuse_server_time_wait_2 open talk:1 close:c eof:s close:s",
        weight=2,
        needs=6,
    ),
    Script(
        "reuse_client_time_wait",
        "tcp_tw_reuse",
        "open talk:1 close:c eof:s close:s wait:2.2:2.8 again:reuse_client_time_wait_2 open talk:1 stay",
        needs=6,
        fast_only=True,
    ),
    Script(
        "reuse_after_rst",
        "again right after an abort",
        "open talk:1 abort:c eof:s close:s wait:.05:.3 again:reuse_after_rst_2 open talk:1 close:s eof:c close:c",
    ),
    # ---- forged segments (RFC 5961)
    Script("forged_rst_out_of_window", "ignored", "open talk:1 forge:s:rst:5000000 stay"),
    Script("forged_rst_in_window", "a challenge ACK", "open talk:1 forge:either:rst:100 stay"),
    Script("forged_rst_exact", "kills the server's end only", "open talk:1 forge:s:rst stay"),
    Script("forged_syn", "a challenge ACK", "open talk:1 forge:s:syn:1000 stay"),
)
