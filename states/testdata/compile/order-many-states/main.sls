id0:
  test.nop: []
id1:
  test.nop: []
id2:
  test.nop: []
id3:
  test.nop: []
id4:
  test.nop: []
id5:
  test.nop: []
id6:
  test.nop: []
id7:
  test.nop: []
id8:
  test.nop: []
id9:
  test.nop: []
id10:
  test.nop: []
id11:
  test.nop: []
id12:
  test.nop: []
id13:
  test.nop: []
id14:
  test.nop: []
id15:
  test.nop: []
id16:
  test.nop: []
id17:
  test.nop: []
id18:
  test.nop: []
id19:
  test.nop: []
id20:
  test.nop: []
id21:
  test.nop: []
id22:
  test.nop: []
id23:
  test.nop: []
id24:
  test.nop: []
id25:
  test.nop: []
id26:
  test.nop: []
id27:
  test.nop: []
id28:
  test.nop: []
id29:
  test.nop: []
id30:
  test.nop: []
id31:
  test.nop: []
id32:
  test.nop: []
id33:
  test.nop: []
id34:
  test.nop: []
id35:
  test.nop: []
id36:
  test.nop: []
id37:
  test.nop: []
id38:
  test.nop: []
id39:
  test.nop: []
id40:
  test.nop: []
id41:
  test.nop: []
id42:
  test.nop: []
id43:
  test.nop: []
id44:
  test.nop: []
id45:
  test.nop: []
id46:
  test.nop: []
id47:
  test.nop: []
id48:
  test.nop: []
id49:
  test.nop: []
id50:
  test.nop: []
id51:
  test.nop: []
id52:
  test.nop: []
id53:
  test.nop: []
id54:
  test.nop: []
id55:
  test.nop: []
id56:
  test.nop: []
id57:
  test.nop: []
id58:
  test.nop: []
id59:
  test.nop: []
id60:
  test.nop: []
id61:
  test.nop: []
id62:
  test.nop: []
id63:
  test.nop: []
id64:
  test.nop: []
id65:
  test.nop: []
id66:
  test.nop: []
id67:
  test.nop: []
id68:
  test.nop: []
id69:
  test.nop: []
id70:
  test.nop: []
id71:
  test.nop: []
id72:
  test.nop: []
id73:
  test.nop: []
id74:
  test.nop: []
id75:
  test.nop: []
id76:
  test.nop: []
id77:
  test.nop: []
id78:
  test.nop: []
id79:
  test.nop: []
id80:
  test.nop: []
id81:
  test.nop: []
id82:
  test.nop: []
id83:
  test.nop: []
id84:
  test.nop: []
id85:
  test.nop: []
id86:
  test.nop: []
id87:
  test.nop: []
id88:
  test.nop: []
id89:
  test.nop: []
id90:
  test.nop: []
id91:
  test.nop: []
id92:
  test.nop: []
id93:
  test.nop: []
id94:
  test.nop: []
id95:
  test.nop: []
id96:
  test.nop: []
id97:
  test.nop: []
id98:
  test.nop: []
id99:
  test.nop: []
id100:
  test.nop: []
id101:
  test.nop: []
id102:
  test.nop: []
id103:
  test.nop: []
id104:
  test.nop: []
id105:
  test.nop: []
id106:
  test.nop: []
id107:
  test.nop: []
id108:
  test.nop: []
id109:
  test.nop: []
id110:
  test.nop: []
id111:
  test.nop: []
id112:
  test.nop: []
id113:
  test.nop: []
id114:
  test.nop: []
id115:
  test.nop: []
id116:
  test.nop: []
id117:
  test.nop: []
id118:
  test.nop: []
id119:
  test.nop: []
