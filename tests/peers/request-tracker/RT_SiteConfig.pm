# A Request Tracker that mails nobody, at a port of the loopback address, in a folder of its own. `start` says where.
Set($rtname, 'peer');
Set($Organization, 'peer.example');
Set($WebDomain, '127.0.0.1');
Set($WebPort, $ENV{PEER_PORT} || 8080);
Set($DatabaseType, 'SQLite');
Set($DatabaseName, $ENV{PEER_DATABASE});
Set($MasonDataDir, "$ENV{PEER_HOME}/mason");
Set($MasonSessionDir, "$ENV{PEER_HOME}/sessions");
Set($MailCommand, 'testfile');
Set($CorrespondAddress, 'desk@peer.example');
Set($CommentAddress, 'notes@peer.example');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
# Not UTC, so that a time which is read in the wrong zone shows.
Set($Timezone, 'Australia/Adelaide');
1;
