noinst_LIBRARIES += %D%/libbroker.a
%C%_libbroker_a_SOURCES = %D%/alive.c %D%/alive.h %D%/answer.c %D%/answer.h %D%/asked.c %D%/asked.h %D%/channel.c %D%/check.c %D%/channel.h %D%/confine.c %D%/confine.h %D%/console.c %D%/dbrole.c %D%/dbrole.h \
	%D%/dbrole_connect.c %D%/dbrole_io.c %D%/dbrole_hold.c %D%/dbrole_judge.c %D%/dbrole_part.c %D%/dbrole_quorum.c %D%/dbrole_sheet.c %D%/hold.def %D%/dbrole_read.c %D%/dbrole_rehearse.c %D%/dbrole_rows.c %D%/dbrole_signed.c %D%/dbrole_ticket.c %D%/dispatch.c %D%/fault.c %D%/fault.h \
	%D%/front.c %D%/front.def %D%/front.h %D%/front_dispatch.c %D%/front_lobby.c %D%/front_open.c \
	%D%/front_reply.c %D%/front_settle.c %D%/front_ticket.c %D%/outcome.c %D%/outcome.h %D%/members.c %D%/members.h %D%/credential.c %D%/credential.h %D%/monitor.c %D%/monitor.h \
	%D%/monitor_note.c %D%/monitor_oneshot.c %D%/oneshot.c %D%/oneshot.h %D%/monitor_setup.c %D%/monitor_spawn.c %D%/msg.def %D%/msg_answer.c \
	%D%/msg_control.c %D%/msg_describe.c %D%/msg_secret.c %D%/msg_sign.c %D%/msg_set.c %D%/msg_sql.c %D%/msg_sql.h %D%/msg_talk.c %D%/packet.c %D%/packet.h %D%/recorder.c \
	%D%/recorder.h %D%/recorder_db.c %D%/recorder_end.c %D%/recorder_open.c %D%/recorder_prove.c %D%/recorder_seal.c %D%/recorder_tunnel.c %D%/role.c %D%/role.def %D%/role.h \
	%D%/seats.c %D%/seats.h %D%/session.c %D%/session.h %D%/session_connect.c %D%/session_end.c %D%/session_event.c %D%/session_hold.c %D%/session_presence.c %D%/session_record.c %D%/session_status.c \
	%D%/settings.c %D%/settings.h %D%/slice.c %D%/slice.h %D%/target.c %D%/target.h %D%/tunnelrole.c %D%/via.c %D%/via.h %D%/way.c %D%/way.h
noinst_HEADERS += include/twokey/broker/broker.h
%C%_libbroker_a_SOURCES += %D%/login.c %D%/login.h %D%/pace.c %D%/pace.h %D%/session_pace.c
